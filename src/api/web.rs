//! The terminal's web page: what it is, what its screen shows and what it decided, for a person with a browser.
//!
//! Somebody logs in with the account of the API and gets a cookie that ends after `WebTimeOut` without a sign of life
//! (3.30). The page changes nothing: that is what the operators are for.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, COOKIE, HeaderValue, SET_COOKIE};
use hyper::http::request::Parts;
use hyper::{Method, Response, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Context;
use super::auth::random;
use crate::clock::{Mono, lock};
use crate::control::decisions::{Decisions, Note};
use crate::error::Result;

/// Logins at once; beyond that the one that was silent longest ends.
const MOST_LOGINS: usize = 16;
/// Decisions the page shows.
const SHOWN: usize = 20;
/// What the page may load: nothing from elsewhere.
const POLICY: &str =
    "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; form-action 'self'; base-uri 'none'";

const PAGE: &str = include_str!("web/page.html");
const SCRIPT: &str = include_str!("web/page.js");
const STYLE: &str = include_str!("web/page.css");

/// What the page shows.
pub struct Web {
    /// What was decided.
    pub decisions: Arc<Decisions>,
    /// The screen as PNG.
    pub screen: Box<dyn Fn() -> Result<Vec<u8>> + Send + Sync>,
}

impl fmt::Debug for Web {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Web").finish_non_exhaustive()
    }
}

/// Who is logged in, by the token in their cookie.
#[derive(Debug, Default)]
pub(super) struct Logins(Mutex<HashMap<String, Login>>);

#[derive(Debug)]
struct Login {
    last: Mono,
    /// A new password ends every login.
    password_hash: String,
}

/// A name and password as the page sends them.
#[derive(Deserialize)]
struct Credentials {
    user: String,
    password: String,
}

/// What a request for the page leads to.
pub(super) enum Asked {
    /// An answer.
    Answer(Response<Full<Bytes>>),
    /// A login to be verified: the value of a Basic `Authorization` header. [`Logins::begin`] goes on.
    Login(String),
}

/// Whether a path belongs to the page.
pub(super) fn is_page(path: &str) -> bool {
    path == "/" || path.starts_with("/web/")
}

impl Logins {
    /// Answers a request for the page.
    pub(super) fn ask(&self, web: &Web, cx: &Context, head: &Parts, body: &[u8]) -> Asked {
        let answer = match (&head.method, head.uri.path()) {
            (&Method::GET, "/") => reply("text/html; charset=UTF-8", PAGE.into()),
            (&Method::GET, "/web/page.js") => reply("text/javascript; charset=UTF-8", SCRIPT.into()),
            (&Method::GET, "/web/page.css") => reply("text/css; charset=UTF-8", STYLE.into()),
            (&Method::POST, "/web/login") => match serde_json::from_slice::<Credentials>(body) {
                Ok(Credentials { user, password }) => {
                    return Asked::Login(format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))));
                }
                Err(_) => status(StatusCode::BAD_REQUEST),
            },
            (&Method::POST, "/web/logout") => {
                token(head).map(|token| lock(&self.0).remove(token));
                status(StatusCode::NO_CONTENT)
            }
            (&Method::GET, "/web/state" | "/web/screen.png") if !self.knows(cx, head) => {
                status(StatusCode::UNAUTHORIZED)
            }
            (&Method::GET, "/web/state") => reply("application/json; charset=UTF-8", state(web, cx).to_string().into()),
            (&Method::GET, "/web/screen.png") => match (web.screen)() {
                Ok(png) => reply("image/png", png.into()),
                Err(error) => {
                    tracing::warn!(%error, "the screen cannot be shown on the page");
                    status(StatusCode::INTERNAL_SERVER_ERROR)
                }
            },
            _ => status(StatusCode::NOT_FOUND),
        };
        Asked::Answer(answer)
    }

    /// Begins a login that was verified against `password_hash`.
    pub(super) fn begin(&self, cx: &Context, password_hash: String) -> Response<Full<Bytes>> {
        let mut bytes = [0; 16];
        if let Err(error) = random(&mut bytes) {
            tracing::error!(%error, "nobody can log in to the page");
            return status(StatusCode::INTERNAL_SERVER_ERROR);
        }
        let token: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut answer = status(StatusCode::NO_CONTENT);
        let cookie = format!("facegate={token}; Path=/web; HttpOnly; SameSite=Strict");
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            answer.headers_mut().insert(SET_COOKIE, cookie);
        }
        let login = Login { last: cx.clock.mono(), password_hash };
        let logins = &mut lock(&self.0);
        if logins.len() >= MOST_LOGINS {
            let silent = logins.iter().min_by_key(|(_, login)| login.last).map(|(token, _)| token.clone());
            silent.map(|token| logins.remove(&token));
        }
        logins.insert(token, login);
        answer
    }

    /// Whether the request comes from somebody logged in. Only what a person does keeps a login alive; the page says
    /// so with `?active`, and does not while it merely refreshes itself.
    fn knows(&self, cx: &Context, head: &Parts) -> bool {
        let settings = cx.settings.now();
        let (now, limit) =
            (cx.clock.mono(), Duration::from_secs(u64::from(settings.system.web_timeout_min.u32()) * 60));
        let logins = &mut lock(&self.0);
        logins
            .retain(|_, login| now.since(login.last) < limit && login.password_hash == settings.account.password_hash);
        let Some(login) = token(head).and_then(|token| logins.get_mut(token)) else { return false };
        if head.uri.query() == Some("active") {
            login.last = now;
        }
        true
    }
}

fn token(head: &Parts) -> Option<&str> {
    let cookies = head.headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    cookies.flat_map(|line| line.split(';')).find_map(|pair| pair.trim().strip_prefix("facegate="))
}

fn state(web: &Web, cx: &Context) -> Value {
    let settings = cx.settings.now();
    let models = cx.roster.recomputed();
    let decided: Vec<Value> = web.decisions.latest(SHOWN).iter().map(Note::to_json).collect();
    json!({
        "name": settings.device.name,
        "device_id": cx.device_id,
        "version": cx.version,
        "time": cx.now(),
        "people": cx.store.count(),
        "people_limit": cx.people_limit,
        "models": {
            "pack": cx.roster.pack(),
            "liveness": cx.liveness.is_some(),
            "recomputing": models.left(),
            "without_face": models.failed,
            "postponed": models.postponed,
        },
        "decided": decided,
    })
}

fn reply(kind: &'static str, body: Bytes) -> Response<Full<Bytes>> {
    let mut reply = Response::new(Full::new(body));
    let headers = reply.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    reply
}

fn status(code: StatusCode) -> Response<Full<Bytes>> {
    let mut reply = Response::new(Full::new(Bytes::new()));
    *reply.status_mut() = code;
    reply
}
