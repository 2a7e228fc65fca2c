//! Fetches the pictures that requests name by address (`picURI`): http and https, bounded in size and time.

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::header::{ACCEPT, CONTENT_LENGTH, LOCATION, USER_AGENT};
use hyper::{Request, StatusCode, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::runtime::Handle;
use tokio::time::timeout;

use crate::bail;
use crate::error::{Error, Fault, Result};

/// Most bytes a picture may have.
pub const MAX_PICTURE: usize = 1024 * 1024;
/// Fewer bytes are no picture (C.10.1.1, code 477).
const MIN_PICTURE: usize = 1000;
/// A server that answers "look there" more often than this goes in circles.
const MAX_REDIRECTS: usize = 3;

/// Fetches pictures. Blocks its caller, which must not be a thread of the async runtime.
pub struct Fetch {
    client: Client<HttpsConnector<HttpConnector>, Empty<Bytes>>,
    runtime: Handle,
    longest: Duration,
    elsewhere: HashMap<String, SocketAddr>,
}

impl fmt::Debug for Fetch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetch").field("longest", &self.longest).finish_non_exhaustive()
    }
}

impl Fetch {
    /// Fetches on `runtime`, each picture within `longest`, redirects included.
    #[must_use]
    pub fn new(runtime: Handle, longest: Duration) -> Self {
        let https = HttpsConnectorBuilder::new().with_webpki_roots().https_or_http().enable_http1().build();
        // Terminals fetch seldom: a kept connection would only be found closed the next time.
        let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(https);
        Self { client, runtime, longest, elsewhere: HashMap::new() }
    }

    /// Fetches what lies at `host` over http from `server` instead, for a terminal that is not let out to it.
    #[must_use]
    pub fn instead_of(mut self, host: &str, server: SocketAddr) -> Self {
        self.elsewhere.insert(host.to_owned(), server);
        self
    }

    /// The bytes at `address`; without a scheme it means http, as the document's own example has it (3.10.6).
    ///
    /// # Errors
    /// [`Fault::UriAddress`] when the address cannot be read or its host not found, [`Fault::UriConnect`]
    /// when nothing useful comes in time, [`Fault::UriTooShort`], [`Fault::PictureTooLarge`].
    pub fn get(&self, address: &str) -> Result<Vec<u8>> {
        let uri = parse(address)?;
        let fetched = async { timeout(self.longest, self.follow(uri)).await };
        match self.runtime.block_on(fetched) {
            Ok(result) => result,
            Err(_) => bail!(UriConnect, "picURI: nothing whole came within {} s", self.longest.as_secs()),
        }
    }

    async fn follow(&self, mut uri: Uri) -> Result<Vec<u8>> {
        for _ in 0..=MAX_REDIRECTS {
            if let Some(server) = uri.host().and_then(|host| self.elsewhere.get(host)) {
                uri = parse(&format!("http://{server}{}", uri.path_and_query().map_or("/", |path| path.as_str())))?;
            }
            resolve(&uri).await?;
            let request = Request::get(uri.clone())
                .header(ACCEPT, "image/*, */*")
                .header(USER_AGENT, "FaceGate-HttpClient/0.0.1")
                .body(Empty::new())
                .map_err(|e| Error::new(Fault::UriAddress, "picURI").because(e))?;
            let answer = self
                .client
                .request(request)
                .await
                .map_err(|e| Error::new(Fault::UriConnect, format!("picURI: {}", innermost(&e))).because(e))?;
            let status = answer.status();
            if status.is_redirection() {
                let to = answer.headers().get(LOCATION).and_then(|to| to.to_str().ok());
                let Some(to) = to else {
                    bail!(UriConnect, "picURI: the server answers {status} without saying where")
                };
                uri = join(&uri, to)?;
                continue;
            }
            if status != StatusCode::OK {
                bail!(UriConnect, "picURI: the server answers {status}");
            }
            let promised = answer.headers().get(CONTENT_LENGTH).and_then(|n| n.to_str().ok()?.parse::<usize>().ok());
            if promised.is_some_and(|n| n > MAX_PICTURE) {
                return Err(too_large());
            }
            return read(answer.into_body()).await;
        }
        bail!(UriConnect, "picURI: more than {MAX_REDIRECTS} redirects");
    }
}

async fn read(mut body: hyper::body::Incoming) -> Result<Vec<u8>> {
    let mut picture = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|e| Error::new(Fault::UriConnect, "picURI: the connection broke off").because(e))?;
        let Ok(data) = frame.into_data() else { continue };
        if picture.len() + data.len() > MAX_PICTURE {
            return Err(too_large());
        }
        picture.extend_from_slice(&data);
    }
    if picture.len() < MIN_PICTURE {
        bail!(UriTooShort, "picURI: {} bytes, at least {MIN_PICTURE} are needed", picture.len());
    }
    Ok(picture)
}

fn too_large() -> Error {
    Error::new(Fault::PictureTooLarge, format!("picURI: more than {MAX_PICTURE} bytes"))
}

/// Tells "no such host" from "does not answer": platforms are shown different numbers for them.
async fn resolve(uri: &Uri) -> Result<()> {
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    match tokio::net::lookup_host((host, uri.port_u16().unwrap_or(80))).await.map(|mut all| all.next().is_some()) {
        Ok(true) => Ok(()),
        Ok(false) => bail!(UriAddress, "picURI: the host {host} has no address"),
        Err(e) => Err(Error::new(Fault::UriAddress, format!("picURI: the host {host} was not found")).because(e)),
    }
}

fn parse(address: &str) -> Result<Uri> {
    let address = address.trim();
    let full = if has_scheme(address) { address.to_owned() } else { format!("http://{address}") };
    let uri: Uri = encode(&full).parse().map_err(|e| {
        Error::new(Fault::UriAddress, "picURI: it is no address like http://host/picture.jpg").because(e)
    })?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        bail!(UriAddress, "picURI: only http and https are spoken");
    }
    if uri.host().is_none_or(str::is_empty) {
        bail!(UriAddress, "picURI: it names no host");
    }
    if uri.authority().is_some_and(|a| a.as_str().contains('@')) {
        bail!(UriAddress, "picURI: it holds a login, which is not supported");
    }
    Ok(uri)
}

/// Whether an address begins with a scheme; one in its query is another's.
fn has_scheme(address: &str) -> bool {
    let head = address.split(['/', '?', '#']).next().unwrap_or_default();
    head.ends_with(':') && address[head.len()..].starts_with("//")
}

/// Writes what may not stand in an address (blanks, other than Latin letters) as platforms' browsers do.
fn encode(address: &str) -> String {
    address.bytes().fold(String::with_capacity(address.len()), |mut out, byte| {
        if byte.is_ascii_graphic() && !matches!(byte, b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
        out
    })
}

fn join(base: &Uri, to: &str) -> Result<Uri> {
    if has_scheme(to) {
        return parse(to);
    }
    let scheme = base.scheme_str().unwrap_or("http");
    if let Some(host_and_path) = to.strip_prefix("//") {
        return parse(&format!("{scheme}://{host_and_path}"));
    }
    let host = base.authority().map_or("", |a| a.as_str());
    if to.starts_with('/') {
        return parse(&format!("{scheme}://{host}{to}"));
    }
    let folder = base.path().rsplit_once('/').map_or("", |(folder, _)| folder);
    parse(&format!("{scheme}://{host}{folder}/{to}"))
}

/// The words that help: "connection refused", not "client error (Connect)".
fn innermost(error: &dyn std::error::Error) -> String {
    let mut last = error;
    while let Some(next) = last.source() {
        last = next;
    }
    last.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpListener;

    fn fetch() -> (tokio::runtime::Runtime, Fetch) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let fetch = Fetch::new(runtime.handle().clone(), Duration::from_millis(500));
        (runtime, fetch)
    }

    /// Answers one connection after another with the given bytes, then stays silent.
    fn server(answers: Vec<Vec<u8>>) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            let mut open = Vec::new();
            for answer in answers {
                let (mut stream, _) = listener.accept().unwrap();
                let mut request = [0; 4096];
                let _ = stream.read(&mut request);
                let _ = stream.write_all(&answer);
                open.push(stream);
            }
            let (stream, _) = listener.accept().unwrap();
            open.push(stream);
            std::thread::park();
        });
        port
    }

    fn answer(status: &str, headers: &str, body: usize) -> Vec<u8> {
        let mut bytes = format!("HTTP/1.1 {status}\r\n{headers}\r\n").into_bytes();
        bytes.resize(bytes.len() + body, b'x');
        bytes
    }

    #[test]
    fn every_way_a_fetch_ends_has_its_fault() {
        let (_runtime, fetch) = fetch();
        let length = |n: usize| format!("Content-Length: {n}\r\n");
        for (answers, expect) in [
            (vec![answer("200 OK", &length(2000), 2000)], Ok(2000)),
            (
                vec![
                    answer("302 Found", "Location: /b\r\nContent-Length: 0\r\n", 0),
                    answer("200 OK", &length(1000), 1000),
                ],
                Ok(1000),
            ),
            (vec![answer("200 OK", &length(999), 999)], Err(Fault::UriTooShort)),
            (vec![answer("404 Not Found", &length(2000), 2000)], Err(Fault::UriConnect)),
            (vec![answer("200 OK", &length(MAX_PICTURE + 1), 10)], Err(Fault::PictureTooLarge)),
            (vec![answer("200 OK", "Connection: close\r\n", MAX_PICTURE + 1)], Err(Fault::PictureTooLarge)),
            (vec![answer("200 OK", &length(5000), 2000)], Err(Fault::UriConnect)),
            (vec![answer("302 Found", "Location: /a\r\nContent-Length: 0\r\n", 0); 4], Err(Fault::UriConnect)),
            (vec![], Err(Fault::UriConnect)),
        ] {
            let port = server(answers);
            let got = fetch.get(&format!("127.0.0.1:{port}/a b.jpg"));
            assert_eq!(got.map(|bytes| bytes.len()).map_err(|e| e.fault), expect);
        }
    }

    #[test]
    fn addresses_that_lead_nowhere_are_told_apart() {
        let (_runtime, fetch) = fetch();
        for (address, expect) in [
            ("", Fault::UriAddress),
            ("http://", Fault::UriAddress),
            ("ftp://host/a.jpg", Fault::UriAddress),
            ("file:///etc/passwd", Fault::UriAddress),
            ("http://user:secret@host/a.jpg", Fault::UriAddress),
            ("http://no-such-host.invalid/a.jpg", Fault::UriAddress),
            ("http://127.0.0.1:1/a.jpg", Fault::UriConnect),
        ] {
            assert_eq!(fetch.get(address).map(|_| ()).map_err(|e| e.fault), Err(expect), "{address:?}");
        }
    }

    #[test]
    fn redirects_are_read_against_where_they_came_from() {
        let base: Uri = "https://host:8443/pictures/a.jpg?x=1".parse().unwrap();
        for (to, expect) in [
            ("b.jpg", "https://host:8443/pictures/b.jpg"),
            ("/c.jpg", "https://host:8443/c.jpg"),
            ("//other/d.jpg", "https://other/d.jpg"),
            ("http://plain/e.jpg", "http://plain/e.jpg"),
            ("照片.jpg", "https://host:8443/pictures/%E7%85%A7%E7%89%87.jpg"),
        ] {
            assert_eq!(join(&base, to).unwrap().to_string(), expect);
        }
    }
}
