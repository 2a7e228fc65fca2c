//! Requests off the wire: framing, limits, login, and the way to the operators.
//!
//! Handlers block, so they run on the blocking pool, a few at a time. What was understood is answered with
//! status 200, however it went: platforms take any other status for a terminal that is not there.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use hyper::header::{self, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::{Semaphore, watch};
use tracing::{debug, warn};

use super::auth::Gate;
use super::{Context, table, wire};
use crate::sim::Reply;

/// Largest body: a batch of people with inline pictures.
const BODY: usize = 32 * 1024 * 1024;
/// Largest head of a request.
const HEAD: usize = 32 * 1024;
/// How long a client may take for the head of a request.
const HEAD_TIME: Duration = Duration::from_secs(10);
/// How long a client may take for a body.
const BODY_TIME: Duration = Duration::from_secs(60);
/// Connections at a time.
const CONNECTIONS: usize = 64;
/// Requests worked on at a time, and so bodies in memory.
const AT_WORK: usize = 4;

/// Further routes of the same port and login: method, path, query, body.
pub type Extra = Arc<dyn Fn(&str, &str, &str, &[u8]) -> Option<Reply> + Send + Sync>;

struct Server {
    context: Arc<Context>,
    extra: Option<Extra>,
    gate: Gate,
    at_work: Semaphore,
}

/// Serves until `ended` says so; then answers what is under way.
pub async fn serve(
    listener: TcpListener,
    context: Arc<Context>,
    extra: Option<Extra>,
    mut ended: watch::Receiver<bool>,
) {
    let (listener, gate) = match (tokio::net::TcpListener::from_std(listener), Gate::new()) {
        (Ok(listener), Ok(gate)) => (listener, gate),
        (Err(error), _) => return tracing::error!(%error, "the API cannot listen"),
        (_, Err(error)) => return tracing::error!(%error, "the API cannot check logins"),
    };
    let server = Arc::new(Server { context, extra, gate, at_work: Semaphore::new(AT_WORK) });
    let connections = Arc::new(Semaphore::new(CONNECTIONS));
    let graceful = hyper_util::server::graceful::GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = ended.wait_for(|ended| *ended) => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file handles, most likely: the clients that are there go first.
                warn!(%error, "a connection could not be accepted");
                tokio::task::yield_now().await;
                continue;
            }
        };
        let Ok(place) = connections.clone().try_acquire_owned() else {
            warn!(%peer, "too many connections, this one is closed");
            continue;
        };
        let _ = stream.set_nodelay(true);
        let server = server.clone();
        let service = service_fn(move |request| {
            let server = server.clone();
            async move { Ok::<_, Infallible>(server.handle(request, peer).await) }
        });
        let connection = http1::Builder::new()
            .title_case_headers(true)
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIME)
            .max_buf_size(HEAD)
            .serve_connection(TokioIo::new(stream), service);
        let watched = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = watched.await {
                debug!(%peer, %error, "a connection ended badly");
            }
            drop(place);
        });
    }
    drop(listener);
    graceful.shutdown().await;
}

impl Server {
    async fn handle(self: Arc<Self>, request: Request<Incoming>, peer: SocketAddr) -> Response<Full<Bytes>> {
        let login = request.headers().get(header::AUTHORIZATION).and_then(|v| v.to_str().ok()).map(str::to_owned);
        if let Some(refusal) = self.login(login, peer.ip()).await {
            return refusal;
        }
        let (method, uri) = (request.method().clone(), request.uri().clone());
        if request.body().size_hint().lower() > BODY as u64 {
            return plain(StatusCode::PAYLOAD_TOO_LARGE, "the body is larger than 32 MiB");
        }
        let Ok(place) = self.at_work.acquire().await else {
            return plain(StatusCode::SERVICE_UNAVAILABLE, "the terminal stops");
        };
        let body = match tokio::time::timeout(BODY_TIME, Limited::new(request.into_body(), BODY).collect()).await {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(error)) if error.is::<LengthLimitError>() => {
                return plain(StatusCode::PAYLOAD_TOO_LARGE, "the body is larger than 32 MiB");
            }
            Ok(Err(error)) => return plain(StatusCode::BAD_REQUEST, &format!("the body cannot be read: {error}")),
            Err(_) => return plain(StatusCode::REQUEST_TIMEOUT, "the body came too slowly"),
        };
        let server = self.clone();
        let answer = tokio::task::spawn_blocking(move || server.answer(&method, uri.path(), uri.query(), &body)).await;
        drop(place);
        answer.unwrap_or_else(|error| {
            tracing::error!(%error, "an operator failed");
            plain(StatusCode::INTERNAL_SERVER_ERROR, "the operator failed; the terminal's log says why")
        })
    }

    /// Checks the login on the blocking pool: a first one is hashed, which takes a while.
    async fn login(self: &Arc<Self>, header: Option<String>, client: IpAddr) -> Option<Response<Full<Bytes>>> {
        let server = self.clone();
        let checked = tokio::task::spawn_blocking(move || {
            let context = &server.context;
            let settings = context.settings.now();
            server.gate.admit(header.as_deref(), &settings.account, client, context.clock.mono())
        })
        .await;
        let refused = match checked {
            Ok(Ok(())) => return None,
            Ok(Err(refused)) => refused,
            Err(_) => super::auth::Refused::Login,
        };
        let mut response = json(StatusCode::UNAUTHORIZED, &wire::login_refused(refused.text()));
        let scheme = HeaderValue::from_static("Basic realm=\"facegate\"");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
        Some(response)
    }

    fn answer(&self, method: &Method, path: &str, query: Option<&str>, body: &[u8]) -> Response<Full<Bytes>> {
        if let Some(operator) = path.strip_prefix("/action/") {
            return if method == Method::POST {
                json(StatusCode::OK, &table::dispatch(&self.context, operator.trim_end_matches('/'), body))
            } else {
                plain(StatusCode::METHOD_NOT_ALLOWED, "operators are called with POST")
            };
        }
        let extra = self.extra.as_ref().and_then(|extra| extra(method.as_str(), path, query.unwrap_or(""), body));
        match extra {
            Some(reply) => respond(
                StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
                reply.kind,
                reply.body.into(),
            ),
            None => plain(StatusCode::NOT_FOUND, "there is only POST /action/<Operator>"),
        }
    }
}

fn json(status: StatusCode, body: &serde_json::Value) -> Response<Full<Bytes>> {
    respond(status, "application/json; charset=UTF-8", body.to_string().into())
}

fn plain(status: StatusCode, text: &str) -> Response<Full<Bytes>> {
    respond(status, "text/plain; charset=UTF-8", format!("{text}\n").into())
}

fn respond(status: StatusCode, kind: &'static str, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
