//! A small image store with upload sessions, as clusters behave on the wire, that loses requests and answers on demand.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use pentaprism_client::dialects::service_fabric::ServiceFabricClient;
use pentaprism_client::{Credential, Transport, TransportError};
use pentaprism_core::Body;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::Instant;

/// What kind of request it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    List,
    Put,
    Look,
    Chunk,
    Commit,
    Delete,
    Download,
}

/// What happens to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    None,
    /// No connection.
    NotSent,
    /// The connection breaks within the request.
    LoseRequest,
    /// The request is carried out, and the connection breaks before the answer.
    LoseAnswer,
    /// It is refused with this status and code.
    Refuse(u16, &'static str),
    /// It is refused with this status; the service wants to be left alone for so many seconds.
    Wait(u16, u64),
    /// Somebody replaces the file by another of its size, and then it is carried out.
    Replace,
    /// It is never answered, nor carried out.
    Hang,
    /// It is carried out and never answered.
    HangAfter,
    /// The service forgets all sessions, and then carries it out.
    Forget,
    /// It forgets them, and the connection breaks.
    ForgetAndLose,
}

/// How a service says that it knows no such session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unknown {
    NoContent,
    NotFound,
    EmptyList,
}

type Faults = Box<dyn FnMut(Kind, usize) -> Fault + Send>;

struct Session {
    path: String,
    length: usize,
    chunks: BTreeMap<usize, Bytes>,
}

impl Session {
    fn missing(&self) -> Vec<(usize, usize)> {
        let (mut missing, mut at) = (Vec::new(), 0);
        for (start, bytes) in &self.chunks {
            if at < *start {
                missing.push((at, *start));
            }
            at = start + bytes.len();
        }
        if at < self.length {
            missing.push((at, self.length));
        }
        missing
    }
}

#[expect(clippy::struct_excessive_bools, reason = "each is a trait that a service has or has not")]
pub struct State {
    pub files: BTreeMap<String, (Bytes, u64)>,
    sessions: BTreeMap<String, Session>,
    faults: Faults,
    /// How many requests of each kind came.
    pub counts: BTreeMap<Kind, usize>,
    /// When chunks of which file began to arrive.
    pub chunk_times: Vec<(String, Instant)>,
    /// Paths that were written, in order; a repeated commit writes nothing.
    pub written: Vec<String>,
    /// Bytes of chunks that were offered though they were there.
    pub offered_again: usize,
    /// Bytes of chunks whose bodies arrived.
    pub chunk_bytes: usize,
    in_flight: usize,
    pub most_in_flight: usize,
    pub unknown: Unknown,
    /// Whether it has sessions, and a download.
    pub sessions_offered: bool,
    pub chunks_offered: bool,
    pub download_offered: bool,
    /// Whether a commit leaves its session.
    pub keeps_committed: bool,
    /// Whether it loses the last byte of a file.
    pub truncates: bool,
    /// After how many bytes of a body the connection breaks.
    pub longest_body: Option<usize>,
}

/// The service; clones are the same one.
#[derive(Clone)]
pub struct Service {
    state: Arc<Mutex<State>>,
    /// Told when a request hangs.
    pub hung: Arc<Notify>,
}

impl Service {
    pub fn new(faults: impl FnMut(Kind, usize) -> Fault + Send + 'static) -> Self {
        let (files, sessions, counts, written) = Default::default();
        let state = State {
            files,
            sessions,
            faults: Box::new(faults),
            counts,
            chunk_times: Vec::new(),
            written,
            offered_again: 0,
            chunk_bytes: 0,
            in_flight: 0,
            most_in_flight: 0,
            unknown: Unknown::NoContent,
            sessions_offered: true,
            chunks_offered: true,
            download_offered: false,
            keeps_committed: true,
            truncates: false,
            longest_body: None,
        };
        Self { state: Arc::new(Mutex::new(state)), hung: Arc::default() }
    }

    pub fn sound() -> Self {
        Self::new(|_, _| Fault::None)
    }

    pub fn with(self, change: impl FnOnce(&mut State)) -> Self {
        change(&mut self.state());
        self
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub fn client(&self) -> ServiceFabricClient<Self> {
        ServiceFabricClient::new(self.clone(), "http://store.example".parse().unwrap(), Credential::none())
    }

    pub fn count(&self, kind: Kind) -> usize {
        self.state().counts.get(&kind).copied().unwrap_or_default()
    }

    pub fn sessions(&self) -> usize {
        self.state().sessions.len()
    }

    pub fn file(&self, path: &str) -> Option<Bytes> {
        self.state().files.get(path).map(|(bytes, _)| bytes.clone())
    }

    /// Puts a session there, as another client left it.
    pub fn leave(&self, id: &str, path: &str, length: usize, chunks: &[(usize, Bytes)]) {
        let chunks = chunks.iter().cloned().collect();
        self.state().sessions.insert(id.to_owned(), Session { path: path.to_owned(), length, chunks });
    }
}

/// Counts a request as long as it runs, however it ends.
struct Running<'a>(&'a Service);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.state().in_flight -= 1;
    }
}

impl Transport for Service {
    async fn call(&self, request: Request<Body>) -> Result<Response<Body>, TransportError> {
        let (head, body) = request.into_parts();
        let call = Call::new(&head);
        let fault = {
            let mut state = self.state();
            let count = state.counts.entry(call.kind).or_default();
            *count += 1;
            let number = *count;
            if call.kind == Kind::Chunk {
                state.chunk_times.push((call.path.clone(), Instant::now()));
            }
            if matches!(call.kind, Kind::Chunk | Kind::Put) {
                state.most_in_flight = state.most_in_flight.max(state.in_flight + 1);
            }
            state.in_flight += 1;
            (state.faults)(call.kind, number)
        };
        let _running = Running(self);
        // Others get their turn, as they would over connections.
        for _ in 0..3 {
            tokio::task::yield_now().await;
        }
        let broken = |what: &str| TransportError::maybe_sent(std::io::Error::other(what));
        if fault == Fault::NotSent {
            return Err(TransportError::not_sent(std::io::Error::other("refused")));
        }
        if matches!(fault, Fault::Forget | Fault::ForgetAndLose) {
            self.state().sessions.clear();
        }
        if matches!(fault, Fault::LoseRequest | Fault::ForgetAndLose) {
            let mut body = body;
            drop(body.data().await);
            return Err(broken("reset within the request"));
        }
        if fault == Fault::Hang {
            self.hung.notify_one();
            std::future::pending::<()>().await;
        }
        let body = body.collect(u64::MAX).await.map_err(TransportError::maybe_sent)?;
        if self.state().longest_body.is_some_and(|longest| body.len() > longest) {
            return Err(broken("reset within the body"));
        }
        if let Fault::Refuse(status, code) = fault {
            return Ok(refusal(status, code));
        }
        if let Fault::Wait(status, seconds) = fault {
            let mut answer = refusal(status, "FABRIC_E_SERVICE_TOO_BUSY");
            answer.headers_mut().insert("retry-after", seconds.into());
            return Ok(answer);
        }
        if fault == Fault::Replace {
            let length = self.file(&call.path).unwrap().len();
            self.state().write(&call.path, Bytes::from(vec![b'x'; length]));
        }
        let answer = self.state().answer(&call, &body);
        if fault == Fault::HangAfter {
            self.hung.notify_one();
            std::future::pending::<()>().await;
        }
        if fault == Fault::LoseAnswer { Err(broken("reset before the answer")) } else { Ok(answer) }
    }
}

fn refusal(status: u16, code: &str) -> Response<Body> {
    answer(status, Some(&json!({"Error": {"Code": code, "Message": "No."}})))
}

fn answer(status: u16, body: Option<&Value>) -> Response<Body> {
    let builder = Response::builder().status(status).header("content-type", "application/json; charset=utf-8");
    builder.body(body.map_or_else(Body::empty, |body| Body::from(body.to_string().into_bytes()))).unwrap()
}

/// A request, taken apart.
struct Call {
    kind: Kind,
    path: String,
    session: String,
    content_range: Option<String>,
    range: Option<String>,
}

impl Call {
    fn new(head: &http::request::Parts) -> Self {
        let rest = head.uri.path().strip_prefix("/ImageStore").expect("it is the image store").trim_start_matches('/');
        let (path, action) = match rest.rsplit_once("$/") {
            Some((path, action)) => (path.trim_end_matches('/'), action),
            None => (rest, ""),
        };
        let kind = match (head.method.as_str(), action) {
            ("GET", "") => Kind::List,
            ("PUT", "") => Kind::Put,
            ("GET", "GetUploadSession") => Kind::Look,
            ("PUT", "UploadChunk") => Kind::Chunk,
            ("POST", "CommitUploadSession") => Kind::Commit,
            ("DELETE", "DeleteUploadSession") => Kind::Delete,
            ("GET", "Download") => Kind::Download,
            other => panic!("{other:?}"),
        };
        let pairs: Vec<_> = head.uri.query().unwrap().split('&').filter_map(|pair| pair.split_once('=')).collect();
        assert!(pairs.iter().any(|(name, _)| *name == "api-version"));
        let session = pairs.iter().find(|(name, _)| *name == "session-id").map(|(_, value)| (*value).to_owned());
        let header = |name| head.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        Self {
            kind,
            path: percent_decode_str(path).decode_utf8().unwrap().into_owned(),
            session: session.unwrap_or_default(),
            content_range: header("content-range"),
            range: header("range"),
        }
    }
}

impl State {
    fn answer(&mut self, call: &Call, body: &Bytes) -> Response<Body> {
        let is_session = matches!(call.kind, Kind::Look | Kind::Chunk | Kind::Commit | Kind::Delete);
        if is_session && !self.sessions_offered || call.kind == Kind::Chunk && !self.chunks_offered {
            return refusal(400, "E_INVALIDARG");
        }
        match call.kind {
            Kind::List => self.list(&call.path),
            Kind::Put => {
                self.write(&call.path, body.clone());
                answer(200, None)
            }
            Kind::Look => self.look(&call.session),
            Kind::Chunk => self.chunk(call, body),
            Kind::Commit => self.commit(&call.session),
            Kind::Delete if self.sessions.remove(&call.session).is_some() => answer(200, None),
            Kind::Delete => refusal(404, "NotFound"),
            Kind::Download => self.download(call),
        }
    }

    fn write(&mut self, path: &str, mut bytes: Bytes) {
        if self.truncates {
            bytes.truncate(bytes.len().saturating_sub(1));
        }
        self.written.push(path.to_owned());
        let version = self.written.len() as u64;
        self.files.insert(path.to_owned(), (bytes, version));
    }

    fn list(&self, path: &str) -> Response<Body> {
        let folder = format!("{path}/");
        let direct = |other: &str| {
            other == path || other.strip_prefix(&folder).is_some_and(|rest| !rest.is_empty() && !rest.contains('/'))
        };
        let info = |(path, (bytes, version)): (&String, &(Bytes, u64))| {
            json!({
                "StoreRelativePath": path.replace('/', "\\"),
                "FileVersion": {"VersionNumber": version.to_string()},
                "FileSize": bytes.len().to_string(),
                "ModifiedDate": "2026-11-21T10:00:00.000Z",
            })
        };
        let files: Vec<_> = self.files.iter().filter(|(path, _)| direct(path)).map(info).collect();
        let below = self.files.keys().filter(|path| path.starts_with(&folder)).count();
        if files.is_empty() && below == 0 {
            return answer(404, None);
        }
        answer(200, Some(&json!({"StoreFiles": files, "StoreFolders": []})))
    }

    fn look(&self, id: &str) -> Response<Body> {
        let Some(session) = self.sessions.get(id) else {
            return match self.unknown {
                Unknown::NoContent => answer(204, None),
                Unknown::NotFound => refusal(404, "NotFound"),
                Unknown::EmptyList => answer(200, Some(&json!({"UploadSessions": []}))),
            };
        };
        let range = |(start, end): (usize, usize)| json!({"StartPosition": start.to_string(), "EndPosition": (end - 1).to_string()});
        let expected: Vec<_> = session.missing().into_iter().map(range).collect();
        answer(
            200,
            Some(&json!({"UploadSessions": [{
                "StoreRelativePath": session.path.replace('/', "\\"),
                "SessionId": id,
                "FileSize": session.length.to_string(),
                "ModifiedDate": "2026-11-21T10:00:00.000Z",
                "ExpectedRanges": expected,
            }]})),
        )
    }

    fn chunk(&mut self, call: &Call, body: &Bytes) -> Response<Body> {
        let text = call.content_range.as_deref().unwrap().strip_prefix("bytes ").unwrap();
        let (range, length) = text.split_once('/').unwrap();
        let (first, last) = range.split_once('-').unwrap();
        let [first, last, length]: [usize; 3] = [first, last, length].map(|number| number.parse().unwrap());
        assert_eq!(body.len(), last - first + 1);
        self.chunk_bytes += body.len();
        let new = || Session { path: call.path.clone(), length, chunks: BTreeMap::new() };
        let session = self.sessions.entry(call.session.clone()).or_insert_with(new);
        if session.path != call.path {
            return refusal(409, "FABRIC_E_UPLOAD_SESSION_ID_CONFLICT");
        }
        if session.length != length {
            return refusal(400, "E_INVALIDARG");
        }
        if !session.missing().iter().any(|(start, end)| *start <= first && last < *end) {
            self.offered_again += body.len();
            return refusal(400, "FABRIC_E_UPLOAD_SESSION_RANGE_NOT_SATISFIABLE");
        }
        session.chunks.insert(first, body.clone());
        answer(200, None)
    }

    fn commit(&mut self, id: &str) -> Response<Body> {
        let Some(session) = self.sessions.get_mut(id) else { return refusal(400, "E_INVALIDARG") };
        if !session.missing().is_empty() {
            return refusal(400, "E_INVALIDARG");
        }
        let (path, bytes) = (session.path.clone(), session.chunks.values().flatten().copied().collect());
        if !self.keeps_committed {
            self.sessions.remove(id);
        } else if self.files.get(&path).is_some_and(|(there, _)| *there == bytes) {
            return answer(200, None);
        }
        self.write(&path, bytes);
        answer(200, None)
    }

    fn download(&self, call: &Call) -> Response<Body> {
        let Some((bytes, _)) = self.files.get(&call.path) else { return refusal(404, "FABRIC_E_FILE_NOT_FOUND") };
        if !self.download_offered {
            return refusal(400, "E_INVALIDARG");
        }
        let Some(range) = &call.range else { return Response::new(Body::from(bytes.clone())) };
        let from: usize = range.strip_prefix("bytes=").unwrap().trim_end_matches('-').parse().unwrap();
        let told = format!("bytes {from}-{}/{}", bytes.len() - 1, bytes.len());
        let builder = Response::builder().status(StatusCode::PARTIAL_CONTENT).header("content-range", told);
        builder.body(Body::from(bytes.slice(from..))).unwrap()
    }
}
