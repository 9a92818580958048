//! A list in chunks that copies share until one of them changes an entry.

use std::sync::Arc;

/// Entries of a chunk: a power of two, so that an entry is found by shifting.
const CHUNK: usize = 1024;

/// A list of fixed length that is cheap to copy, whatever its length, and to change in a place: that copies one chunk.
#[derive(Clone, Debug, Default)]
pub(crate) struct Chunks<T>(Vec<Arc<[T; CHUNK]>>);

impl<T: Clone + Default> Chunks<T> {
    /// The entries, and as many of the default after them as fill a chunk.
    pub(crate) fn new(entries: impl IntoIterator<Item = T>) -> Self {
        let mut entries = entries.into_iter().peekable();
        let mut chunks = Vec::new();
        while entries.peek().is_some() {
            chunks.push(Arc::new(std::array::from_fn(|_| entries.next().unwrap_or_default())));
        }
        Self(chunks)
    }

    /// So many entries of the default. They share one chunk.
    pub(crate) fn of_default(len: usize) -> Self {
        let chunk = Arc::new(std::array::from_fn(|_| T::default()));
        Self((0..len.div_ceil(CHUNK)).map(|_| Arc::clone(&chunk)).collect())
    }

    pub(crate) fn get(&self, at: usize) -> &T {
        &self.0[at / CHUNK][at % CHUNK]
    }

    /// Puts another entry into a place and returns the one before.
    pub(crate) fn set(&mut self, at: usize, entry: T) -> T {
        std::mem::replace(&mut Arc::make_mut(&mut self.0[at / CHUNK])[at % CHUNK], entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_keeps_what_it_had() {
        let mut list = Chunks::new(0..3000_u32);
        let before = list.clone();
        assert_eq!(list.set(2047, 7), 2047);
        assert_eq!((*list.get(2047), *before.get(2047), *list.get(2999)), (7, 2047, 2999));
        assert!(Arc::ptr_eq(&list.0[0], &before.0[0]) && !Arc::ptr_eq(&list.0[1], &before.0[1]));
        assert_eq!(*Chunks::<f32>::of_default(5).get(4), 0.0);
    }
}
