//! HTTP 1 over a listener: connections, limits and timeouts; what is asked for is none of its business.
//!
//! Everything a stranger could fill up is bounded: connections in all and of one client, the time for a
//! head, a body and a pause, the size of one body and of all of them in memory, threads for quick and for
//! slow operators. The login is checked before a body is read; the page for people, which asks for one, takes small
//! bodies.

use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context as Wake, Poll, ready};
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
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::timeout;

use super::auth::{Auth, Verdict};
use super::web::{self, Logins, Web};
use super::{Context, dispatch, table, wire};
use crate::clock::lock;
use crate::error::{Error, Fault, Result};
use crate::network::{Arrival, Port};

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

/// Where the server listens; may be moved to another port while it serves.
#[derive(Debug)]
pub struct Listening {
    listener: watch::Sender<Arc<TcpListener>>,
    runtime: Handle,
}

impl Listening {
    /// Listens on `address`.
    ///
    /// # Errors
    /// What the system says.
    pub fn open(address: SocketAddr, runtime: Handle) -> io::Result<Self> {
        let listener = watch::Sender::new(Arc::new(listen(address, &runtime)?));
        Ok(Self { listener, runtime })
    }

    /// Where that is now.
    ///
    /// # Errors
    /// What the system says.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.borrow().local_addr()
    }

    /// The same address with another port.
    fn elsewhere(&self, port: u16) -> io::Result<TcpListener> {
        let mut address = self.address()?;
        address.set_port(port);
        listen(address, &self.runtime)
    }
}

impl Port for Listening {
    fn current(&self) -> u16 {
        self.address().map_or(0, |address| address.port())
    }

    fn check(&self, port: u16) -> Result<()> {
        self.elsewhere(port)
            .map(drop)
            .map_err(|e| Error::new(Fault::BadParameter, format!("WebPort: {port} cannot be listened on: {e}")))
    }

    fn move_to(&self, port: u16) -> Result<()> {
        let listener = self
            .elsewhere(port)
            .map_err(|e| Error::new(Fault::Unavailable, format!("the API cannot move to port {port}")).because(e))?;
        self.listener.send_replace(Arc::new(listener));
        tracing::info!(port, "the API has moved");
        Ok(())
    }
}

fn listen(address: SocketAddr, runtime: &Handle) -> io::Result<TcpListener> {
    let listener = std::net::TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    let _inside = runtime.enter();
    TcpListener::from_std(listener)
}

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
    let refuse = |status, text| -> Refusal {
        let mut response = plain(status, text);
        // The rest of the body is not read, so the connection cannot go on.
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        Box::new(response)
    };
    let too_large = || refuse(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large\n");
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

fn plain(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    respond(status, "text/plain; charset=UTF-8", Bytes::from_static(text.as_bytes()))
}

fn respond(status: StatusCode, kind: &'static str, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// A stream that counts what moves, and mends the one thing in a head that platforms get wrong: a
/// `Content-Length` without a value, which means 0.
#[derive(Debug)]
struct Mended {
    stream: TcpStream,
    moved: Arc<AtomicU64>,
    mender: Mender,
    /// Read and mended, not yet handed out.
    ahead: Bytes,
}

impl Mended {
    fn new(stream: TcpStream, moved: Arc<AtomicU64>) -> Self {
        Self { stream, moved, mender: Mender::default(), ahead: Bytes::new() }
    }
}

impl AsyncRead for Mended {
    fn poll_read(mut self: Pin<&mut Self>, wake: &mut Wake<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
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
    fn poll_write(mut self: Pin<&mut Self>, wake: &mut Wake<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(wake, bytes))?;
        self.moved.fetch_add(written as u64, Ordering::Relaxed);
        Poll::Ready(Ok(written))
    }
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        wake: &mut Wake<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write_vectored(wake, parts))?;
        self.moved.fetch_add(written as u64, Ordering::Relaxed);
        Poll::Ready(Ok(written))
    }
    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
    fn poll_flush(mut self: Pin<&mut Self>, wake: &mut Wake<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(wake)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, wake: &mut Wake<'_>) -> Poll<io::Result<()>> {
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
    fn strangers_leave_a_connection_to_the_machine_itself() {
        let limits = ServerLimits { connections: 3, connections_per_client: 2, ..ServerLimits::default() };
        let clients = Arc::default();
        let take = |client: [u8; 4]| Place::take(&clients, client.into(), &limits);
        let crowd = [take([10, 0, 0, 1]), take([10, 0, 0, 2])];
        assert!(crowd.iter().all(Option::is_some) && take([10, 0, 0, 3]).is_none());
        let own = take([127, 0, 0, 1]);
        assert!(own.is_some() && take([127, 0, 0, 1]).is_none());
    }

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
