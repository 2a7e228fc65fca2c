//! Fetches what requests name by address, over http and https: pictures (`picURI`) whole, bounded in size and
//! time; of other files the answer is handed on, to be read bit by bit.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::header::{
    ACCEPT, CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderName, IF_RANGE, LAST_MODIFIED, LOCATION, RANGE, USER_AGENT,
};
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
/// The field that names a picture's address.
const PICTURE: &str = "picURI";
/// A server that answers "look there" more often than this goes in circles.
const MAX_REDIRECTS: usize = 3;

/// Fetches files. [`Fetch::get`] blocks its caller, which must not be a thread of the async runtime.
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
        let link = Link::parse(address, PICTURE)?;
        let fetched = async { timeout(self.longest, self.picture(&link)).await };
        match self.runtime.block_on(fetched) {
            Ok(result) => result,
            Err(_) => bail!(UriConnect, "picURI: nothing whole came within {} s", self.longest.as_secs()),
        }
    }

    async fn picture(&self, link: &Link) -> Result<Vec<u8>> {
        let mut download = self.open(link, PICTURE).await?;
        if download.status != StatusCode::OK {
            bail!(UriConnect, "picURI: the server answers {}", download.status);
        }
        if download.total().is_some_and(|n| n > MAX_PICTURE as u64) {
            return Err(too_large());
        }
        let broken = |e: Broken| Error::new(Fault::UriConnect, "picURI: the connection broke off").because(e);
        let mut picture = Vec::new();
        while let Some(data) = download.next().await.map_err(broken)? {
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

    /// What the server of `link` answers, redirects followed, its bytes still to come; `field` is named in errors.
    /// Bounded in nothing but the number of redirects: size and time are the caller's matter.
    ///
    /// # Errors
    /// [`Fault::UriAddress`] when the host is not found, [`Fault::UriConnect`] when it does not answer.
    pub async fn open(&self, link: &Link, field: &str) -> Result<Download> {
        self.open_from(link, field, None).await
    }

    /// The same from a place on, if the server still has what `rest` is the rest of; [`Download::from`] says whether.
    ///
    /// # Errors
    /// As [`Fetch::open`].
    pub async fn open_from(&self, link: &Link, field: &str, rest: Option<Rest<'_>>) -> Result<Download> {
        let mut uri = link.0.clone();
        for _ in 0..=MAX_REDIRECTS {
            if let Some(server) = uri.host().and_then(|host| self.elsewhere.get(host)) {
                let path = uri.path_and_query().map_or("/", |path| path.as_str());
                uri = parse(&format!("http://{server}{path}"), field)?;
            }
            resolve(&uri, field).await?;
            let mut request = Request::get(uri.clone())
                .header(ACCEPT, "image/*, */*")
                .header(USER_AGENT, "FaceGate-HttpClient/0.0.1");
            if let Some(Rest { from, of }) = rest {
                request = request.header(RANGE, format!("bytes={from}-")).header(IF_RANGE, of);
            }
            let request = request.body(Empty::new()).map_err(|e| Error::new(Fault::UriAddress, field).because(e))?;
            let answer = self
                .client
                .request(request)
                .await
                .map_err(|e| Error::new(Fault::UriConnect, format!("{field}: {}", innermost(&e))).because(e))?;
            let status = answer.status();
            if !status.is_redirection() {
                let total = answer.headers().get(CONTENT_LENGTH).and_then(|n| n.to_str().ok()?.parse().ok());
                let text = |name: HeaderName| Some(answer.headers().get(name)?.to_str().ok()?.to_owned());
                // Of a weak one the bytes may differ.
                let mark = text(ETAG).filter(|tag| !tag.starts_with("W/")).or_else(|| text(LAST_MODIFIED));
                let from = text(CONTENT_RANGE).and_then(|range| first_of(&range)).unwrap_or(0);
                return Ok(Download { status, total, from, mark, body: answer.into_body() });
            }
            let to = answer.headers().get(LOCATION).and_then(|to| to.to_str().ok());
            let Some(to) = to else { bail!(UriConnect, "{field}: the server answers {status} without saying where") };
            uri = join(&uri, to, field)?;
        }
        bail!(UriConnect, "{field}: more than {MAX_REDIRECTS} redirects");
    }
}

/// An address files can be fetched from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Link(Uri);

impl Link {
    /// Reads an address, http or https; without a scheme it means http. `field` is named in errors.
    ///
    /// # Errors
    /// [`Fault::UriAddress`].
    pub fn parse(address: &str, field: &str) -> Result<Self> {
        parse(address, field).map(Self)
    }

    /// Its host.
    #[must_use]
    pub fn host(&self) -> &str {
        self.0.host().unwrap_or_default()
    }

    /// Its path, without what follows a question mark.
    #[must_use]
    pub fn path(&self) -> &str {
        self.0.path()
    }
}

/// What is asked for of something of which the beginning is there.
#[derive(Clone, Copy, Debug)]
pub struct Rest<'a> {
    /// The first byte that is not.
    pub from: u64,
    /// The [`Download::mark`] of what the beginning is of.
    pub of: &'a str,
}

/// A server's answer whose bytes are still to come.
#[derive(Debug)]
pub struct Download {
    status: StatusCode,
    total: Option<u64>,
    from: u64,
    mark: Option<String>,
    body: Incoming,
}

impl Download {
    /// The answer's status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status.as_u16()
    }

    /// How many bytes there will be, from [`Download::from`] on, if the server says so.
    #[must_use]
    pub const fn total(&self) -> Option<u64> {
        self.total
    }

    /// Which byte comes first: 0 unless the server sends the rest that was asked for (status 206).
    #[must_use]
    pub const fn from(&self) -> u64 {
        self.from
    }

    /// What tells this version of the file from others, if the server says so: its tag, or when it was changed.
    #[must_use]
    pub fn mark(&self) -> Option<&str> {
        self.mark.as_deref()
    }

    /// The next bytes; `None`: it is complete.
    ///
    /// # Errors
    /// When the connection broke off.
    pub async fn next(&mut self) -> std::result::Result<Option<Bytes>, Broken> {
        while let Some(frame) = self.body.frame().await {
            if let Ok(data) = frame.map_err(Broken)?.into_data() {
                return Ok(Some(data));
            }
        }
        Ok(None)
    }
}

/// A connection that broke off before all had come.
#[derive(Debug, thiserror::Error)]
#[error("the connection broke off")]
pub struct Broken(#[source] hyper::Error);

impl Broken {
    /// Whether the server itself ended the connection, as if what it had sent were all.
    #[must_use]
    pub fn is_early_end(&self) -> bool {
        let mut cause = std::error::Error::source(&self.0);
        let mut ended = self.0.is_incomplete_message();
        while let Some(next) = cause {
            ended |= next.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::UnexpectedEof);
            cause = next.source();
        }
        ended
    }
}

/// The first byte of `bytes 200-999/1000`.
fn first_of(range: &str) -> Option<u64> {
    range.strip_prefix("bytes ")?.split('-').next()?.trim().parse().ok()
}

fn too_large() -> Error {
    Error::new(Fault::PictureTooLarge, format!("picURI: more than {MAX_PICTURE} bytes"))
}

/// Tells "no such host" from "does not answer": platforms are shown different numbers for them.
async fn resolve(uri: &Uri, field: &str) -> Result<()> {
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    match tokio::net::lookup_host((host, uri.port_u16().unwrap_or(80))).await.map(|mut all| all.next().is_some()) {
        Ok(true) => Ok(()),
        Ok(false) => bail!(UriAddress, "{field}: the host {host} has no address"),
        Err(e) => Err(Error::new(Fault::UriAddress, format!("{field}: the host {host} was not found")).because(e)),
    }
}

fn parse(address: &str, field: &str) -> Result<Uri> {
    let address = address.trim();
    let full = if has_scheme(address) { address.to_owned() } else { format!("http://{address}") };
    let uri: Uri = encode(&full).parse().map_err(|e| {
        Error::new(Fault::UriAddress, format!("{field}: it is no address like http://host/file")).because(e)
    })?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        bail!(UriAddress, "{field}: only http and https are spoken");
    }
    if uri.host().is_none_or(str::is_empty) {
        bail!(UriAddress, "{field}: it names no host");
    }
    if uri.authority().is_some_and(|a| a.as_str().contains('@')) {
        bail!(UriAddress, "{field}: it holds a login, which is not supported");
    }
    Ok(uri)
}

/// Whether an address begins with a scheme; one in its query is another's.
pub fn has_scheme(address: &str) -> bool {
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

fn join(base: &Uri, to: &str, field: &str) -> Result<Uri> {
    if has_scheme(to) {
        return parse(to, field);
    }
    let scheme = base.scheme_str().unwrap_or("http");
    if let Some(host_and_path) = to.strip_prefix("//") {
        return parse(&format!("{scheme}://{host_and_path}"), field);
    }
    let host = base.authority().map_or("", |a| a.as_str());
    if to.starts_with('/') {
        return parse(&format!("{scheme}://{host}{to}"), field);
    }
    let folder = base.path().rsplit_once('/').map_or("", |(folder, _)| folder);
    parse(&format!("{scheme}://{host}{folder}/{to}"), field)
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
            assert_eq!(join(&base, to, PICTURE).unwrap().to_string(), expect);
        }
    }
}
