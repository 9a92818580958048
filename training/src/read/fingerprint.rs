//! A name for the data: the same for the same rows, whatever their order, files and threads.

use arrow::array::StringArray;
use blake3::Hasher;

use crate::log::PurchaseLog;

/// The BLAKE3 hash of all that the log says of purchases, returns and catalogue, as 64 hexadecimal digits.
pub(super) fn fingerprint(log: &PurchaseLog) -> String {
    let mut print = Print(Hasher::new());
    print.ids(&log.customer_ids);
    print.ids(&log.item_ids);
    print.texts(log.channels.iter().map(|channel| Some(channel.as_str())));
    print.numbers(log.order_offsets.iter().map(|value| value.to_le_bytes()));
    print.numbers(log.order_time.iter().map(|value| value.to_le_bytes()));
    print.numbers(log.order_day.iter().map(|value| value.to_le_bytes()));
    print.numbers(log.order_channel.iter().map(|value| value.to_le_bytes()));
    print.numbers(log.line_offsets.iter().map(|value| value.to_le_bytes()));
    print.numbers(log.line_item.iter().map(|value| value.to_le_bytes()));
    print.numbers(log.line_quantity.iter().map(|value| value.to_le_bytes()));
    print.numbers(log.line_amount.iter().map(|value| value.to_le_bytes()));
    if !log.order_discount.is_empty() {
        print.numbers(log.order_discount.iter().map(|value| value.to_le_bytes()));
    }
    print.numbers(log.returns.iter().map(|back| back.customer.to_le_bytes()));
    print.numbers(log.returns.iter().map(|back| back.item.to_le_bytes()));
    print.numbers(log.returns.iter().map(|back| back.day.to_le_bytes()));
    print.numbers(log.returns.iter().map(|back| back.quantity.to_le_bytes()));
    print.numbers(log.returns.iter().map(|back| back.amount.to_le_bytes()));
    let catalogue = &log.catalogue;
    for column in [&catalogue.title, &catalogue.category, &catalogue.brand] {
        print.texts(column.iter().map(Option::as_deref));
    }
    print.numbers(catalogue.price.iter().map(|price| price.map_or([0xff; 8], f64::to_le_bytes)));
    print.numbers(catalogue.available.iter().map(|&available| [available.into()]));
    print.0.finalize().to_hex().to_string()
}

/// Hashes columns so that no two different logs give the same bytes: every text is led by its length, every column ended by its own.
struct Print(Hasher);

impl Print {
    fn ids(&mut self, ids: &StringArray) {
        self.texts(ids.iter());
    }

    fn texts<'a>(&mut self, texts: impl Iterator<Item = Option<&'a str>>) {
        let mut bytes = Vec::new();
        let mut count = 0_u64;
        for text in texts {
            bytes.extend_from_slice(&text.map_or(u64::MAX, |text| text.len() as u64).to_le_bytes());
            bytes.extend_from_slice(text.unwrap_or_default().as_bytes());
            count += 1;
            self.flush(&mut bytes, false);
        }
        bytes.extend_from_slice(&count.to_le_bytes());
        self.flush(&mut bytes, true);
    }

    fn numbers<const WIDTH: usize>(&mut self, numbers: impl Iterator<Item = [u8; WIDTH]>) {
        let mut bytes = Vec::new();
        let mut count = 0_u64;
        for number in numbers {
            bytes.extend_from_slice(&number);
            count += 1;
            self.flush(&mut bytes, false);
        }
        bytes.extend_from_slice(&count.to_le_bytes());
        self.flush(&mut bytes, true);
    }

    /// Hands bytes on once there are enough to be worth it, or at the end.
    fn flush(&mut self, bytes: &mut Vec<u8>, is_end: bool) {
        if is_end || bytes.len() >= 1 << 16 {
            self.0.update(bytes);
            bytes.clear();
        }
    }
}
