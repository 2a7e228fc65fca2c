//! The way out over HTTP: one POST, the document's headers, an answer read with limits.

use std::io::Read;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use flate2::read::{GzDecoder, ZlibDecoder};
use http_body_util::{BodyExt, Full, Limited};
use hyper::Request;
use hyper::header::{self, HeaderValue};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use tokio::sync::watch;

use crate::error::{Error, Fault, Result};

/// How long a subscriber has for its whole answer (3.12).
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How much of an answer is read.
const MOST: usize = 64 * 1024;

/// Where a body goes.
#[derive(Clone, Copy, Debug)]
pub struct Server<'a> {
    /// `http://host:port`, or https.
    pub address: &'a str,
    /// User and password for Basic authentication; `None`: none.
    pub login: Option<(&'a str, &'a str)>,
}

/// What a subscriber answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status was 2xx.
    pub success: bool,
    /// The body is JSON with `code` 200, number or text.
    pub acknowledged: bool,
    /// What an acknowledgement says about the door (3.2.3).
    pub verdict: Option<Verdict>,
}

/// The platform's word on a passage it was told of (`OpendoorWay` 3, 3.2.3).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verdict {
    /// Whether the door opens.
    pub open: bool,
    /// Shown on the screen.
    pub text: Option<String>,
}

impl Verdict {
    /// The longest text shown, bytes: 64 with the terminator.
    const LONGEST: usize = 63;

    /// Reads `openDoor` and `showInfo`; `None` where neither is there. Only a clear yes opens.
    fn read(body: &Value) -> Option<Self> {
        let open = body.get("openDoor").filter(|value| !value.is_null());
        let text = body.get("showInfo").and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty());
        if open.is_none() && text.is_none() {
            return None;
        }
        let open = open.is_some_and(|open| open.as_f64() == Some(1.0) || open.as_str().map(str::trim) == Some("1"));
        let shown = |text: &str| {
            let end = (0..=text.len().min(Self::LONGEST)).rev().find(|end| text.is_char_boundary(*end));
            text[..end.unwrap_or(0)].chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
        };
        Some(Self { open, text: text.map(shown) })
    }
}

/// Posts bodies; keeps connections alive between them.
#[derive(Clone, Debug)]
pub struct Post {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    runtime: tokio::runtime::Handle,
    cancelled: watch::Sender<bool>,
}

impl Post {
    /// Does its waiting on `runtime`.
    #[must_use]
    pub fn new(runtime: tokio::runtime::Handle) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
        tcp.set_nodelay(true);
        tcp.enforce_http(false);
        let connector =
            HttpsConnectorBuilder::new().with_webpki_roots().https_or_http().enable_http1().wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new())
            .http1_title_case_headers(true)
            .pool_max_idle_per_host(2)
            .build(connector);
        Self { client, runtime, cancelled: watch::Sender::new(false) }
    }

    /// Ends posts under way, and any begun later.
    pub fn cancel(&self) {
        self.cancelled.send_replace(true);
    }

    /// Posts `body` to a path of a server; blocks, at most ten seconds.
    ///
    /// # Errors
    /// When the subscriber cannot be reached or does not answer whole and in time.
    pub fn post(&self, server: Server<'_>, path: &str, body: &Value) -> Result<Answer> {
        let request = request(server, path, body)?;
        let exchange = async {
            let response = self.client.request(request).await.map_err(|e| unreachable(&e))?;
            let success = response.status().is_success();
            let packing = response.headers().get(header::CONTENT_ENCODING).cloned();
            let bytes = Limited::new(response.into_body(), MOST).collect().await.map_err(|e| unreachable(&*e))?;
            let bytes = unpack(packing.as_ref(), &bytes.to_bytes());
            let body: Option<Value> = serde_json::from_slice(&bytes).ok();
            let acknowledged = success && body.as_ref().and_then(|b| b.get("code")).is_some_and(is_200);
            let verdict = body.as_ref().filter(|_| acknowledged).and_then(Verdict::read);
            Ok(Answer { success, acknowledged, verdict })
        };
        let mut cancelled = self.cancelled.subscribe();
        self.runtime.block_on(async {
            tokio::select! {
                answer = tokio::time::timeout(TIMEOUT, exchange) => {
                    answer.unwrap_or_else(|_| Err(Error::new(Fault::Unavailable, "no answer within 10 s")))
                }
                _ = cancelled.wait_for(|cancelled| *cancelled) => {
                    Err(Error::new(Fault::Unavailable, "the terminal stops"))
                }
            }
        })
    }
}

/// The answer's body without the compression we offered to take; what does not unpack is no JSON anyway.
fn unpack(packing: Option<&HeaderValue>, bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    let most = MOST as u64;
    let unpacked = match packing.map(HeaderValue::as_bytes) {
        Some(b"gzip") => GzDecoder::new(bytes).take(most).read_to_end(&mut plain),
        Some(b"deflate") => ZlibDecoder::new(bytes).take(most).read_to_end(&mut plain),
        _ => return bytes.to_vec(),
    };
    if let Err(error) = unpacked {
        tracing::warn!(%error, "the subscriber's answer cannot be unpacked");
    }
    plain
}

/// 200 as a number, or as text.
fn is_200(code: &Value) -> bool {
    code.as_f64() == Some(200.0) || code.as_str().is_some_and(|text| text.trim() == "200")
}

fn unreachable(error: &(dyn std::error::Error + 'static)) -> Error {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    Error::new(Fault::Unavailable, text)
}

fn request(server: Server<'_>, path: &str, body: &Value) -> Result<Request<Full<Bytes>>> {
    let separator = if path.starts_with('/') { "" } else { "/" };
    let uri = format!("{}{separator}{path}", server.address.trim_end_matches('/'));
    let mut request = Request::post(&uri)
        .header(header::ACCEPT, "application/json")
        .header(header::CONTENT_TYPE, "application/json; charset=UTF-8")
        .header(header::ACCEPT_ENCODING, "gzip, deflate")
        .header(header::USER_AGENT, "FaceGate-HttpClient/0.0.1")
        .header(header::CONNECTION, "Keep-Alive");
    if let Some((user, password)) = server.login {
        let login = STANDARD.encode(format!("{user}:{password}"));
        request = request.header(header::AUTHORIZATION, format!("Basic {login}"));
    }
    request
        .body(Full::new(Bytes::from(body.to_string())))
        .map_err(|e| Error::new(Fault::UriAddress, format!("{uri:?} is no address")).because(e))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::io::Write;

    #[test]
    fn answers_are_unpacked() {
        let packed = |bytes: Vec<u8>, packing: &'static str| unpack(Some(&HeaderValue::from_static(packing)), &bytes);
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(b"{}").unwrap();
        let mut deflate = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        deflate.write_all(b"{}").unwrap();
        assert_eq!(packed(gzip.finish().unwrap(), "gzip"), b"{}");
        assert_eq!(packed(deflate.finish().unwrap(), "deflate"), b"{}");
        assert_eq!(packed(b"{}".to_vec(), "UTF-8"), b"{}");
        assert_eq!(packed(b"no gzip".to_vec(), "gzip"), b"");
        assert_eq!(unpack(None, b"{}"), b"{}");
    }

    #[test]
    fn only_code_200_acknowledges() {
        for (code, expect) in
            [(json!(200), true), (json!("200"), true), (json!(200.0), true), (json!(404), false), (json!("ok"), false)]
        {
            assert_eq!(is_200(&code), expect, "{code}");
        }
    }

    #[test]
    fn only_a_clear_yes_opens() {
        let verdict = |open, text: Option<&str>| Some(Verdict { open, text: text.map(str::to_owned) });
        for (body, expect) in [
            (json!({ "openDoor": 1, "showInfo": "XX 请通行" }), verdict(true, Some("XX 请通行"))),
            (json!({ "openDoor": 0, "showInfo": "XX 无权限通行" }), verdict(false, Some("XX 无权限通行"))),
            (json!({ "openDoor": "1" }), verdict(true, None)),
            (json!({ "openDoor": 2 }), verdict(false, None)),
            (json!({ "openDoor": "yes" }), verdict(false, None)),
            (json!({ "showInfo": "wait" }), verdict(false, Some("wait"))),
            (json!({ "openDoor": null, "showInfo": "" }), None),
            (json!({}), None),
        ] {
            assert_eq!(Verdict::read(&body), expect, "{body}");
        }
        let long = Verdict::read(&json!({ "showInfo": "请".repeat(30) })).unwrap().text.unwrap();
        assert_eq!(long, "请".repeat(21), "63 bytes, whole characters");
    }
}
