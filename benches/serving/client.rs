//! A small HTTP client: one request on a connection that stays open.

use std::io::{Read, Write};
use std::net::TcpStream;

/// Asks on a new connection; `None` when nobody listens.
pub(crate) fn get(address: &str, path: &str) -> Option<(u16, Vec<u8>)> {
    once(address, "GET", path)
}

/// Sends an empty POST on a new connection.
pub(crate) fn post(address: &str, path: &str) -> Option<(u16, Vec<u8>)> {
    once(address, "POST", path)
}

fn once(address: &str, method: &str, path: &str) -> Option<(u16, Vec<u8>)> {
    let mut stream = TcpStream::connect(address).ok()?;
    let request = format!("{method} {path} HTTP/1.1\r\nHost: shop\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    // read in pieces and let go of all but the last megabyte: a list may be long
    let (mut head, mut buffer) = (Vec::new(), vec![0; 1 << 16]);
    loop {
        let read = stream.read(&mut buffer).ok()?;
        if read == 0 {
            break;
        }
        if head.len() < 1 << 20 {
            head.extend_from_slice(&buffer[..read]);
        }
    }
    let end = head.windows(4).position(|window| window == b"\r\n\r\n")?;
    let status = std::str::from_utf8(&head[..end]).ok()?.split(' ').nth(1)?.parse().ok()?;
    Some((status, head[end + 4..].to_vec()))
}

/// Asks on an open connection and reads the whole answer, which must be 200.
pub(crate) fn ask(stream: &mut TcpStream, path: &str, answer: &mut Vec<u8>) {
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: shop\r\n\r\n").as_bytes()).expect("it listens");
    answer.clear();
    let mut buffer = [0; 16_384];
    loop {
        let read = stream.read(&mut buffer).expect("it answers");
        assert!(read > 0, "the connection was closed");
        answer.extend_from_slice(&buffer[..read]);
        let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let head = std::str::from_utf8(&answer[..end]).expect("text");
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse::<usize>().ok());
        if length.is_some_and(|length| answer.len() >= end + 4 + length) {
            return;
        }
    }
}
