//! A connection whose bytes are counted and mended on their way.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// A stream that counts what moves, and mends the one thing in a head that platforms get wrong: a
/// `Content-Length` without a value, which means 0.
#[derive(Debug)]
pub(super) struct Mended {
    stream: TcpStream,
    moved: Arc<AtomicU64>,
    mender: Mender,
    /// Read and mended, not yet handed out.
    ahead: Bytes,
}

impl Mended {
    pub(super) fn new(stream: TcpStream, moved: Arc<AtomicU64>) -> Self {
        Self { stream, moved, mender: Mender::default(), ahead: Bytes::new() }
    }
}

impl AsyncRead for Mended {
    fn poll_read(mut self: Pin<&mut Self>, wake: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.ahead.is_empty() {
            let filled = buffer.filled().len();
            ready!(Pin::new(&mut self.stream).poll_read(wake, buffer))?;
            let fresh = &buffer.filled()[filled..];
            self.moved.fetch_add(fresh.len() as u64, Ordering::Relaxed);
            let Some(mended) = self.mender.pass(fresh) else { return Poll::Ready(Ok(())) };
            buffer.set_filled(filled);
            self.ahead = mended.into();
        }
        let length = self.ahead.len().min(buffer.remaining());
        let piece = self.ahead.split_to(length);
        buffer.put_slice(&piece);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Mended {
    fn poll_write(mut self: Pin<&mut Self>, wake: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(wake, bytes))?;
        self.moved.fetch_add(written as u64, Ordering::Relaxed);
        Poll::Ready(Ok(written))
    }
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        wake: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write_vectored(wake, parts))?;
        self.moved.fetch_add(written as u64, Ordering::Relaxed);
        Poll::Ready(Ok(written))
    }
    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
    fn poll_flush(mut self: Pin<&mut Self>, wake: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(wake)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, wake: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(wake)
    }
}

/// Puts a 0 behind a header line `Content-Length:` that holds nothing, however the bytes arrive.
#[derive(Debug, Default)]
struct Mender {
    /// How much of [`Mender::LINE`] was seen; all of it: only blanks since.
    seen: usize,
}

impl Mender {
    const LINE: &[u8] = b"\r\ncontent-length:";

    /// The mended bytes, or `None` when there is nothing to mend.
    fn pass(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        let mut gaps = Vec::new();
        for (at, byte) in bytes.iter().enumerate() {
            if self.seen == Self::LINE.len() {
                match byte {
                    b' ' | b'\t' => continue,
                    b'\r' => gaps.push(at),
                    _ => {}
                }
                self.seen = 0;
            }
            self.seen = match byte.to_ascii_lowercase() {
                byte if byte == Self::LINE[self.seen] => self.seen + 1,
                b'\r' => 1,
                _ => 0,
            };
        }
        if gaps.is_empty() {
            return None;
        }
        let mut mended = Vec::with_capacity(bytes.len() + gaps.len());
        let mut done = 0;
        for gap in gaps {
            mended.extend_from_slice(&bytes[done..gap]);
            mended.push(b'0');
            done = gap;
        }
        mended.extend_from_slice(&bytes[done..]);
        Some(mended)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_length_is_mended_wherever_the_bytes_are_cut() {
        for (sent, expect) in [
            (
                "POST / HTTP/1.1\r\nContent-Length: \r\nHost: h\r\n\r\n",
                "POST / HTTP/1.1\r\nContent-Length: 0\r\nHost: h\r\n\r\n",
            ),
            ("POST / HTTP/1.1\r\ncontent-length:\r\n\r\n", "POST / HTTP/1.1\r\ncontent-length:0\r\n\r\n"),
            ("POST / HTTP/1.1\r\nContent-Length: 12\r\n\r\n", "POST / HTTP/1.1\r\nContent-Length: 12\r\n\r\n"),
            (
                "\r\r\nContent-Length:\t \r\n\r\nContent-Length:\r\n",
                "\r\r\nContent-Length:\t 0\r\n\r\nContent-Length:0\r\n",
            ),
            ("X-Content-Length: \r\n", "X-Content-Length: \r\n"),
        ] {
            for cut in 0..=sent.len() {
                let mut mender = Mender::default();
                let (first, second) = sent.as_bytes().split_at(cut);
                let mut mended = Vec::new();
                for part in [first, second] {
                    mended.extend(mender.pass(part).unwrap_or_else(|| part.to_vec()));
                }
                assert_eq!(String::from_utf8(mended).unwrap(), expect, "cut at {cut}");
            }
        }
    }
}
