//! Where packages are fetched from: serves the files of a folder, the rest of one where that is asked for.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;

/// The server.
pub struct Server {
    port: u16,
}

impl Server {
    /// Serves `folder` until the process ends.
    pub fn start(folder: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let folder = folder.to_owned();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let folder = folder.clone();
                // A client that is killed is nobody's trouble.
                std::thread::spawn(move || drop(answer(stream, &folder)));
            }
        });
        Self { port }
    }

    /// Where a file is.
    pub fn address(&self, file: &str) -> String {
        format!("http://127.0.0.1:{}/{file}", self.port)
    }
}

fn answer(mut stream: TcpStream, folder: &Path) -> std::io::Result<()> {
    let (mut path, mut from, mut condition) = (String::new(), None, String::new());
    for line in BufReader::new(stream.try_clone()?).lines() {
        let line = line?;
        if line.is_empty() {
            break;
        }
        if let Some(rest) = line.strip_prefix("GET /") {
            path = rest.split(' ').next().unwrap_or_default().to_owned();
        }
        let (name, value) = line.split_once(": ").unwrap_or_default();
        match name.to_ascii_lowercase().as_str() {
            "range" => from = value.strip_prefix("bytes=").and_then(|range| range.strip_suffix('-')?.parse().ok()),
            "if-range" => condition = value.to_owned(),
            _ => {}
        }
    }
    let Ok(bytes) = std::fs::read(folder.join(&path)) else {
        return stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    };
    let tag = format!("\"{path}-{}\"", bytes.len());
    let from: usize = from.filter(|from| condition == tag && *from < bytes.len()).unwrap_or(0);
    let mut head = String::from(if from > 0 { "HTTP/1.1 206 Partial Content\r\n" } else { "HTTP/1.1 200 OK\r\n" });
    if from > 0 {
        let _ = write!(head, "Content-Range: bytes {from}-{}/{}\r\n", bytes.len() - 1, bytes.len());
    }
    let _ = write!(head, "ETag: {tag}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", bytes.len() - from);
    stream.write_all(head.as_bytes())?;
    // In pieces, so that they are written in pieces.
    bytes[from..].chunks(16 << 10).try_for_each(|chunk| stream.write_all(chunk))
}
