//! Pictures by address: one GET over http or https with limits on size, time and redirects.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper::header::{self, HeaderValue};
use hyper::{Method, Request, StatusCode, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use crate::error::{Error, Fault, Result};

/// Largest picture (3.10).
const MOST: usize = 1024 * 1024;
/// Less than this is no picture (C.10.6.2).
const LEAST: usize = 1000;
/// How long the whole exchange may take, redirects included.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(4);
/// Redirects followed.
const REDIRECTS: usize = 3;

/// Fetches pictures.
#[derive(Clone, Debug)]
pub struct Fetch {
    client: Client<HttpsConnector<HttpConnector>, Empty<Bytes>>,
    runtime: tokio::runtime::Handle,
}

impl Fetch {
    /// A fetcher that does its waiting on `runtime`.
    #[must_use]
    pub fn new(runtime: tokio::runtime::Handle) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
        tcp.enforce_http(false);
        let connector =
            HttpsConnectorBuilder::new().with_webpki_roots().https_or_http().enable_http1().wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new()).http1_title_case_headers(true).build(connector);
        Self { client, runtime }
    }

    /// The bytes at `address`; without a scheme it is taken as http. Blocks, at most ten seconds.
    ///
    /// # Errors
    /// [`Fault::UriAddress`], [`Fault::UriConnect`], [`Fault::UriTooShort`] or [`Fault::PictureTooLarge`].
    pub fn get(&self, address: &str) -> Result<Vec<u8>> {
        let uri = parse(address)?;
        self.runtime.block_on(async {
            tokio::time::timeout(TIMEOUT, self.follow(uri))
                .await
                .unwrap_or_else(|_| Err(connect(format!("{address} did not answer within 10 s"))))
        })
    }

    async fn follow(&self, mut uri: Uri) -> Result<Vec<u8>> {
        for _ in 0..=REDIRECTS {
            let request = Request::builder()
                .method(Method::GET)
                .uri(&uri)
                .header(header::USER_AGENT, "FaceGate-HttpClient/0.0.1")
                .header(header::ACCEPT, "image/jpeg, image/png, image/bmp, */*;q=0.1")
                .body(Empty::new())
                .map_err(|e| address(format!("{uri}: {e}")))?;
            let response = self.client.request(request).await.map_err(|e| {
                let unknown_host = chain(&e).contains("dns error");
                let text = format!("{uri}: {}", chain(&e));
                if unknown_host { address(text) } else { connect(text) }
            })?;
            if response.status().is_redirection() {
                let target = response.headers().get(header::LOCATION);
                uri = redirect(&uri, target).ok_or_else(|| connect(format!("{uri} redirects to nowhere")))?;
                continue;
            }
            if response.status() != StatusCode::OK {
                return Err(connect(format!("{uri} answered {}", response.status())));
            }
            let body = Limited::new(response.into_body(), MOST).collect().await.map_err(|e| {
                if e.is::<LengthLimitError>() {
                    Error::new(Fault::PictureTooLarge, format!("picURI: {uri} is larger than 1 MiB"))
                } else {
                    connect(format!("{uri}: {e}"))
                }
            })?;
            let bytes = body.to_bytes();
            if bytes.len() < LEAST {
                return Err(Error::new(Fault::UriTooShort, format!("picURI: {uri} has {} bytes only", bytes.len())));
            }
            return Ok(bytes.into());
        }
        Err(connect(format!("{uri}: more than {REDIRECTS} redirects")))
    }
}

fn parse(text: &str) -> Result<Uri> {
    let with_scheme = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let uri: Uri = with_scheme.parse().map_err(|e| address(format!("{text:?} is no address: {e}")))?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err(address(format!("{text:?} is neither http nor https")));
    }
    if uri.host().is_none_or(str::is_empty) {
        return Err(address(format!("{text:?} names no host")));
    }
    Ok(uri)
}

/// Where a redirect leads: another address, or another path of the same host.
fn redirect(from: &Uri, target: Option<&HeaderValue>) -> Option<Uri> {
    let target = target?.to_str().ok()?;
    if target.starts_with('/') && !target.starts_with("//") {
        return format!("{}://{}{target}", from.scheme_str()?, from.authority()?).parse().ok();
    }
    parse(target).ok()
}

fn address(text: String) -> Error {
    Error::new(Fault::UriAddress, format!("picURI: {text}"))
}

fn connect(text: String) -> Error {
    Error::new(Fault::UriConnect, format!("picURI: {text}"))
}

/// An error with all its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_http_or_https() {
        for (text, expect) in [
            ("http://a/x.jpg", Some("http://a/x.jpg")),
            ("https://a:8443/x.jpg?y=1", Some("https://a:8443/x.jpg?y=1")),
            ("a.b-c.com/faceTest/f3.jpg", Some("http://a.b-c.com/faceTest/f3.jpg")),
            ("file:///etc/passwd", None),
            ("ftp://a/x", None),
            ("http://", None),
            ("http://a b/", None),
            ("", None),
        ] {
            assert_eq!(parse(text).ok().map(|uri| uri.to_string()).as_deref(), expect, "{text}");
        }
    }

    #[test]
    fn redirects_keep_to_http() {
        let from: Uri = "https://a/x".parse().unwrap();
        for (target, expect) in
            [("/y", Some("https://a/y")), ("http://b/z", Some("http://b/z")), ("file:///etc/passwd", None)]
        {
            let target = HeaderValue::from_static(target);
            assert_eq!(redirect(&from, Some(&target)).map(|u| u.to_string()).as_deref(), expect);
        }
    }
}
