//! HTTP 1 over a listener: connections, limits and timeouts; what is asked for is none of its business.
//!
//! Everything a stranger could fill up is bounded: connections in all and of one client, the time for a
//! head, a body and a pause, the size of one body and of all of them in memory, threads for quick and for
//! slow operators. The login is checked before a body is read; the page for people, which asks for one, takes small
//! bodies.

mod listening;
mod mended;

use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper::header::{
    ALLOW, AUTHORIZATION, CONNECTION, CONTENT_TYPE, HeaderValue, RETRY_AFTER, TRANSFER_ENCODING, WWW_AUTHENTICATE,
};
use hyper::http::request::Parts;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::timeout;

pub use self::listening::Listening;
use self::mended::Mended;
use super::auth::{Auth, Verdict};
use super::web::{self, Logins, Web};
use super::{Context, dispatch, table, wire};
use crate::clock::lock;
use crate::error::Result;
use crate::network::Arrival;

/// What else is served on the same port and under the same login: an answer, or `None` for "not mine".
pub type Extra = Arc<dyn Fn(&Parts, &Bytes) -> Option<Response<Full<Bytes>>> + Send + Sync>;

/// Bounds of the server.
#[derive(Clone, Copy, Debug)]
pub struct ServerLimits {
    /// Most bytes of a body; a batch of 32 photos has some 20 MB.
    pub body: usize,
    /// Most bytes of all large bodies in memory; at least as many as `body`.
    pub bodies: usize,
    /// Connections at once, one of them from this machine itself.
    pub connections: usize,
    /// Of them from one address.
    pub connections_per_client: usize,
    /// Time for a request's head; a connection without any request is closed after it too.
    pub head: Duration,
    /// Longest pause within a body or an answer.
    pub pause: Duration,
    /// Time for a whole body.
    pub body_time: Duration,
    /// Operators at work at once.
    pub quick_workers: usize,
    /// Of those that may take seconds.
    pub slow_workers: usize,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            body: 24 * 1024 * 1024,
            bodies: 32 * 1024 * 1024,
            connections: 64,
            connections_per_client: 16,
            head: Duration::from_secs(30),
            pause: Duration::from_secs(15),
            body_time: Duration::from_secs(120),
            quick_workers: 6,
            slow_workers: 4,
        }
    }
}

/// Bodies up to this size are not counted: all connections together cannot make much of them.
const SMALL_BODY: usize = 128 * 1024;
/// Most bytes of a body for the page: a name and a password. It comes from anybody.
const PAGE_BODY: usize = 4096;
/// Room for a request's head. Some clients send 2.5 KB of `Accept-Charset` alone.
const HEAD_ROOM: usize = 64 * 1024;
/// How long connections may finish when the server stops.
const FAREWELL: Duration = Duration::from_secs(2);

struct Shared {
    cx: Arc<Context>,
    auth: Auth,
    extra: Option<Extra>,
    web: Option<Web>,
    logins: Logins,
    limits: ServerLimits,
    /// Kibibytes of large bodies.
    bodies: Arc<Semaphore>,
    quick: Arc<Semaphore>,
    slow: Arc<Semaphore>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// Serves until `stop` is done; requests under way are answered first.
///
/// # Errors
/// [`crate::error::Fault::Unavailable`] when the system gives no randomness.
pub async fn serve(
    listening: &Listening,
    cx: Arc<Context>,
    limits: ServerLimits,
    extra: Option<Extra>,
    web: Option<Web>,
    stop: impl Future<Output = ()>,
) -> Result<()> {
    let shared = Arc::new(Shared {
        auth: Auth::new(cx.settings.clone(), cx.clock.clone())?,
        cx,
        extra,
        web,
        logins: Logins::default(),
        limits,
        bodies: Arc::new(Semaphore::new(limits.bodies.max(limits.body).div_ceil(1024))),
        quick: Arc::new(Semaphore::new(limits.quick_workers)),
        slow: Arc::new(Semaphore::new(limits.slow_workers)),
    });
    let clients: Arc<Mutex<HashMap<IpAddr, usize>>> = Arc::default();
    let (stopping, _) = watch::channel(false);
    let mut connections = JoinSet::new();
    tokio::pin!(stop);
    let mut moves = listening.listener.subscribe();
    let mut listener = moves.borrow_and_update().clone();
    loop {
        let accepted = tokio::select! {
            () = &mut stop => break,
            Ok(()) = moves.changed() => {
                listener = moves.borrow_and_update().clone();
                continue;
            }
            accepted = listener.accept() => accepted,
        };
        while connections.try_join_next().is_some() {}
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of descriptors, most likely: trying again at once would only spin.
                tracing::warn!(%error, "cannot accept a connection");
                let _ = timeout(Duration::from_millis(100), std::future::pending::<()>()).await;
                continue;
            }
        };
        let place = Place::take(&clients, peer.ip(), &shared.limits);
        let Some(place) = place else {
            tracing::warn!(client = %peer.ip(), "too many connections");
            let _ =
                stream.try_write(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            continue;
        };
        let peer = Peer { client: peer.ip(), arrival: shared.cx.network.arrived() };
        let (shared, stopping) = (shared.clone(), stopping.subscribe());
        connections.spawn(async move {
            connection(shared, stream, peer, stopping).await;
            drop(place);
        });
    }
    drop(listener);
    let _ = stopping.send(true);
    if timeout(FAREWELL, async { while connections.join_next().await.is_some() {} }).await.is_err() {
        tracing::warn!(open = connections.len(), "connections cut off");
    }
    Ok(())
}

/// A connection's place among those of its client and of all.
struct Place {
    clients: Arc<Mutex<HashMap<IpAddr, usize>>>,
    client: IpAddr,
}

impl Place {
    fn take(clients: &Arc<Mutex<HashMap<IpAddr, usize>>>, client: IpAddr, limits: &ServerLimits) -> Option<Self> {
        let mut counts = lock(clients);
        let own = counts.get(&client).copied().unwrap_or(0);
        // One is this machine's own: by it a new release looks whether its API answers, whoever crowds in from outside.
        let all = if client.is_loopback() { limits.connections } else { limits.connections.saturating_sub(1) };
        if own >= limits.connections_per_client || counts.values().sum::<usize>() >= all {
            return None;
        }
        counts.insert(client, own + 1);
        Some(Self { clients: clients.clone(), client })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = lock(&self.clients);
        if let Some(count) = counts.get_mut(&self.client) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.client);
            }
        }
    }
}

/// Who is at the other end, and when they came.
#[derive(Clone, Copy)]
struct Peer {
    client: IpAddr,
    arrival: Arrival,
}

async fn connection(shared: Arc<Shared>, stream: TcpStream, peer: Peer, mut stopping: watch::Receiver<bool>) {
    let _ = stream.set_nodelay(true);
    let moved = Arc::new(AtomicU64::new(0));
    let working = Arc::new(AtomicUsize::new(0));
    let pause = shared.limits.pause;
    let head = shared.limits.head;
    let service = {
        let working = working.clone();
        service_fn(move |request| {
            let (shared, working) = (shared.clone(), working.clone());
            async move {
                working.fetch_add(1, Ordering::Relaxed);
                let answer = answer(&shared, peer, request).await;
                working.fetch_sub(1, Ordering::Relaxed);
                Ok::<_, Infallible>(answer)
            }
        })
    };
    let io = TokioIo::new(Mended::new(stream, moved.clone()));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .title_case_headers(true)
        .header_read_timeout(head)
        .max_buf_size(HEAD_ROOM)
        .serve_connection(io, service);
    tokio::pin!(connection);
    let mut told = false;
    loop {
        let before = moved.load(Ordering::Relaxed);
        let ended = tokio::select! {
            ended = timeout(pause.max(head), connection.as_mut()) => ended,
            _ = stopping.wait_for(|stop| *stop), if !told => {
                told = true;
                connection.as_mut().graceful_shutdown();
                continue;
            }
        };
        match ended {
            Ok(Ok(())) => return,
            Ok(Err(error)) => {
                tracing::debug!(client = %peer.client, %error, "connection ended");
                return;
            }
            // Nothing moved and nobody works on it: a client that does not read, or has gone without a word.
            Err(_) if moved.load(Ordering::Relaxed) == before && working.load(Ordering::Relaxed) == 0 => return,
            Err(_) => {}
        }
    }
}

async fn answer(shared: &Arc<Shared>, peer: Peer, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let result = if shared.web.is_some() && web::is_page(request.uri().path()) {
        page(shared, peer, request).await
    } else {
        let header = request.headers().get(AUTHORIZATION).map(|value| value.as_bytes().to_vec());
        match allowed(shared, peer, header.as_deref()).await {
            Ok(()) => route(shared, request).await,
            Err(refusal) => Err(refusal),
        }
    };
    result.unwrap_or_else(|refusal| *refusal)
}

type Refusal = Box<Response<Full<Bytes>>>;

/// The page for people, which has a login of its own.
async fn page(shared: &Arc<Shared>, peer: Peer, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Refusal> {
    let (head, body) = request.into_parts();
    let (body, _) = read_body(shared, body, PAGE_BODY).await?;
    let worker = shared.quick.clone().acquire_owned().await.ok();
    let asked = spawn_blocking({
        let shared = shared.clone();
        move || {
            let _worker = worker;
            shared.web.as_ref().map(|web| shared.logins.ask(web, &shared.cx, &head, &body))
        }
    });
    match asked.await.ok().flatten() {
        Some(web::Asked::Answer(answer)) => Ok(answer),
        Some(web::Asked::Login(header)) => {
            // A password that is changed meanwhile ends what the old one began.
            let password_hash = shared.cx.settings.now().account.password_hash.clone();
            // The page asks for name and password itself; with this header the browser would too.
            let verdict = allowed(shared, peer, Some(header.as_bytes())).await.map_err(|mut refusal| {
                refusal.headers_mut().remove(WWW_AUTHENTICATE);
                refusal
            });
            verdict.map(|()| shared.logins.begin(&shared.cx, password_hash))
        }
        None => Ok(plain(StatusCode::INTERNAL_SERVER_ERROR, "the page failed\n")),
    }
}

/// Whether the request may go on; that it may shows that the terminal can be reached.
async fn allowed(shared: &Arc<Shared>, peer: Peer, header: Option<&[u8]>) -> Result<(), Refusal> {
    let client = peer.client;
    let verdict = match shared.auth.look(header, client) {
        Ok(verdict) => verdict,
        Err(login) => {
            let shared = shared.clone();
            spawn_blocking(move || shared.auth.check(&login, client))
                .await
                .unwrap_or(Verdict::Refused { detail: "", wait_s: None })
        }
    };
    let Verdict::Refused { detail, wait_s } = verdict else {
        shared.cx.network.let_in(peer.arrival);
        return Ok(());
    };
    let mut response = json(StatusCode::UNAUTHORIZED, &wire::unauthenticated(detail));
    response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"facegate\""));
    if let Some(wait) = wait_s {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait));
    }
    Err(Box::new(response))
}

async fn route(shared: &Arc<Shared>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Refusal> {
    let Some(name) = request.uri().path().strip_prefix("/action/").map(|name| name.trim_end_matches('/').to_owned())
    else {
        return other(shared, request).await;
    };
    if request.method() != Method::POST {
        let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "operators are called with POST\n");
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
        return Err(Box::new(response));
    }
    let operator = table::find(&name);
    let has_length = request.headers().contains_key(hyper::header::CONTENT_LENGTH)
        || request.headers().contains_key(TRANSFER_ENCODING);
    if !has_length && operator.is_some_and(|operator| operator.needs_info) {
        // Many platforms send nothing at all with a Get; here something must have been meant to follow.
        return Err(Box::new(plain(StatusCode::LENGTH_REQUIRED, "Content-Length or chunked encoding is needed\n")));
    }
    let (body, counted) = read_body(shared, request.into_body(), shared.limits.body).await?;
    let workers = if operator.is_some_and(|operator| operator.slow) { &shared.slow } else { &shared.quick };
    let worker = workers.clone().acquire_owned().await.ok();
    let cx = shared.cx.clone();
    let done = spawn_blocking(move || {
        let reply = dispatch(&cx, &name, &body);
        drop((body, counted, worker));
        json(StatusCode::OK, &reply.body)
    });
    Ok(done.await.unwrap_or_else(|_| plain(StatusCode::INTERNAL_SERVER_ERROR, "the operator failed\n")))
}

async fn other(shared: &Arc<Shared>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Refusal> {
    let not_found = || Box::new(plain(StatusCode::NOT_FOUND, "operators are at /action/<Operator>\n"));
    let Some(extra) = shared.extra.clone() else { return Err(not_found()) };
    let (parts, body) = request.into_parts();
    let (body, counted) = read_body(shared, body, shared.limits.body).await?;
    let worker = shared.quick.clone().acquire_owned().await.ok();
    let done = spawn_blocking(move || {
        let response = extra(&parts, &body);
        drop((counted, worker));
        response
    });
    done.await.ok().flatten().ok_or_else(not_found)
}

/// A whole body, and its share of the memory for bodies if it is a large one.
async fn read_body(
    shared: &Shared,
    mut body: Incoming,
    limit: usize,
) -> Result<(Bytes, Option<OwnedSemaphorePermit>), Refusal> {
    let refuse = |status, text: &str| -> Refusal {
        let mut response = plain(status, text);
        // The rest of the body is not read, so the connection cannot go on.
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        Box::new(response)
    };
    let too_large = || refuse(StatusCode::PAYLOAD_TOO_LARGE, &format!("the body is larger than {limit} bytes\n"));
    let too_slow = || refuse(StatusCode::REQUEST_TIMEOUT, "the body came too slowly\n");
    let promised = body.size_hint().exact().map(|n| usize::try_from(n).unwrap_or(usize::MAX));
    if promised.is_some_and(|n| n > limit) {
        return Err(too_large());
    }
    let mut counted = None;
    let mut bytes = Vec::with_capacity(promised.unwrap_or(0).min(SMALL_BODY));
    let reading = async {
        loop {
            if counted.is_none() && promised.unwrap_or(bytes.len()).max(bytes.len()) > SMALL_BODY {
                let size = u32::try_from(promised.unwrap_or(limit).div_ceil(1024)).unwrap_or(u32::MAX);
                let share = timeout(shared.limits.pause, shared.bodies.clone().acquire_many_owned(size)).await;
                match share {
                    Ok(Ok(share)) => counted = Some(share),
                    _ => return Err(refuse(StatusCode::SERVICE_UNAVAILABLE, "too many large requests at once\n")),
                }
            }
            let Ok(frame) = timeout(shared.limits.pause, body.frame()).await else { return Err(too_slow()) };
            match frame {
                None => return Ok(()),
                Some(Err(_)) => return Err(refuse(StatusCode::BAD_REQUEST, "the body broke off\n")),
                Some(Ok(frame)) => {
                    if let Some(data) = frame.data_ref() {
                        if bytes.len() + data.len() > limit {
                            return Err(too_large());
                        }
                        bytes.extend_from_slice(data);
                    }
                }
            }
        }
    };
    match timeout(shared.limits.body_time, reading).await {
        Ok(read) => read?,
        Err(_) => return Err(too_slow()),
    }
    Ok((bytes.into(), counted))
}

fn json(status: StatusCode, body: &Value) -> Response<Full<Bytes>> {
    respond(status, "application/json; charset=UTF-8", serde_json::to_vec(body).unwrap_or_default().into())
}

fn plain(status: StatusCode, text: &str) -> Response<Full<Bytes>> {
    respond(status, "text/plain; charset=UTF-8", Bytes::copy_from_slice(text.as_bytes()))
}

fn respond(status: StatusCode, kind: &'static str, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_leave_a_connection_to_the_machine_itself() {
        let limits = ServerLimits { connections: 3, connections_per_client: 2, ..ServerLimits::default() };
        let clients = Arc::default();
        let take = |client: [u8; 4]| Place::take(&clients, client.into(), &limits);
        let crowd = [take([10, 0, 0, 1]), take([10, 0, 0, 2])];
        assert!(crowd.iter().all(Option::is_some) && take([10, 0, 0, 3]).is_none());
        let own = take([127, 0, 0, 1]);
        assert!(own.is_some() && take([127, 0, 0, 1]).is_none());
    }
}
