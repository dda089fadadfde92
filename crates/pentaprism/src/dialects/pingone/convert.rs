//! Pictures as the service keeps them: each a PNG (D-121). This is the only place where a picture is in memory as a whole.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use pentaprism_core::{Body, BodyError};
use pentaprism_server::{BodyBudget, Refusal, Reservation};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use crate::pictures::{Header, Pool, Recognizer, USUAL_MAX_PIXELS};

use super::problem::Problem;

/// Memory for pictures that are being collected or wait for their turn, in bytes: four of the usual limit, or many small
/// ones.
const PICTURE_MEMORY: u32 = 8 << 20;

/// Pictures that are converted and stored at a time. A PNG may be far larger than the JPEG that it is made of.
const TURNS: usize = 2;

/// How long a picture waits for its turn. Clients give up not much later.
const PATIENCE: Duration = Duration::from_secs(30);

/// Makes PNGs of bodies.
pub(super) struct Converter {
    pictures: Pool,
    bodies: BodyBudget,
    turns: Semaphore,
}

/// A picture as a PNG. What it takes of the memory for pictures is given back when it is dropped.
pub(super) struct Converted<'c> {
    /// What was uploaded.
    pub(super) header: Header,
    /// The PNG.
    pub(super) png: Bytes,
    _reservation: Reservation,
    _turn: SemaphorePermit<'c>,
}

impl Converter {
    /// Conversions on the threads of `pictures`.
    pub(super) fn new(pictures: Pool) -> Self {
        Self { pictures, bodies: BodyBudget::new(PICTURE_MEMORY), turns: Semaphore::new(TURNS) }
    }

    /// Collects a body of at most `limit` bytes, until it shows that it is no picture, and makes a PNG of it.
    pub(super) async fn convert(&self, body: Body, limit: u64) -> Result<Converted<'_>, Problem> {
        let watch = Watch::default();
        let watched = Body::stream(Watched { body, watch: watch.clone() });
        let (picture, reservation) = self.bodies.collect(watched, limit).await.map_err(|refusal| match refusal {
            Refusal::BodyTooLarge { limit } => Problem::TooLarge { limit },
            refusal => watch.lock().error().map_or(Problem::Refused(refusal), Problem::Header),
        })?;
        let header = std::mem::take(&mut *watch.lock()).finish()?;
        let turn = timeout(PATIENCE, self.turns.acquire()).await.map_err(Problem::internal)?;
        let turn = turn.map_err(Problem::internal)?;
        let png = self.pictures.to_png(picture, USUAL_MAX_PIXELS).await.map_err(Problem::Picture)?;
        Ok(Converted { header, png, _reservation: reservation, _turn: turn })
    }
}

/// What has been seen of a body's header.
#[derive(Clone, Default)]
struct Watch(Arc<Mutex<Recognizer>>);

impl Watch {
    fn lock(&self) -> MutexGuard<'_, Recognizer> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A body that breaks off as soon as it shows that it is no picture.
struct Watched {
    body: Body,
    watch: Watch,
}

impl http_body::Body for Watched {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if let Some(data) = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref()) {
            let mut recognizer = self.watch.lock();
            recognizer.push(data);
            if let Some(error) = recognizer.error() {
                return Poll::Ready(Some(Err(BodyError::Source(Box::new(error)))));
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
