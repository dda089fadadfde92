//! A token that is kept until shortly before its end, and asked for once however many wait for it.
//!
//! The request for a token is one future that all waiting callers share and that each of them can drive. So a caller that is
//! dropped, or that nobody polls for a while, holds nobody up; and when all of them are dropped, so is the request.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use futures_util::FutureExt;
use futures_util::future::{Shared, WeakShared};

use super::{Token, TokenError, TokenProvider};
use crate::retry::{Clock, SystemClock};

/// How long before its end a token is replaced, unless said otherwise: longer than clocks differ and requests take to arrive.
const MARGIN: Duration = Duration::from_mins(1);
/// A token of which the margin would be the greater part is replaced after three quarters of its life.
const SHORTEST_USE: u32 = 4;
/// How many refused tokens are remembered. There are more only where a service refuses everything.
const REMEMBERED: usize = 8;

type Outcome = Result<Token, TokenError>;
type Flight = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// Keeps the token of another provider until a minute before its end.
///
/// - Callers that find no token wait for one request together, and share its failure if it fails. Whoever comes later asks anew:
///   a failure is not kept.
/// - While a token is in its last minute, the failure to replace it is no failure: the old one is still good.
/// - A token that the service refused is not given again, to anybody.
/// - A token without a known end is kept until it is refused.
///
/// ```
/// use std::time::Duration;
/// use pentaprism_client::{Cached, CommandToken, Credential};
///
/// let azure = CommandToken::new("az").arguments(["account", "get-access-token", "--output", "json"]);
/// let credential = Credential::bearer_from(Cached::new(azure).with_margin(Duration::from_mins(5)));
/// ```
pub struct Cached<P> {
    provider: Arc<P>,
    clock: Arc<dyn Clock>,
    margin: Duration,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    kept: Option<Kept>,
    refused: VecDeque<Token>,
    flight: Option<WeakShared<Flight>>,
}

struct Kept {
    token: Token,
    /// When it is to be replaced; `None` where no end is known.
    until: Option<SystemTime>,
}

impl<P: TokenProvider + 'static> Cached<P> {
    /// Keeps what `provider` gives.
    pub fn new(provider: P) -> Self {
        Self { provider: Arc::new(provider), clock: Arc::new(SystemClock), margin: MARGIN, state: Arc::default() }
    }

    /// How long before its end a token is replaced; one minute without it. At most a quarter of the token's life counts.
    #[must_use]
    pub fn with_margin(self, margin: Duration) -> Self {
        Self { margin, ..self }
    }

    /// Takes the time from another clock.
    #[must_use]
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// Begins with a token that is already there, such as that of a Keystone log-in whose catalog was read.
    #[must_use]
    pub fn holding(self, token: &Token) -> Self {
        let now = self.clock.now();
        lock(&self.state).keep(token, self.margin, now);
        self
    }

    /// The request for a token that is under way, or a new one.
    fn flight(&self, state: &mut State) -> Shared<Flight> {
        if let Some(flight) = state.flight.as_ref().and_then(WeakShared::upgrade) {
            return flight;
        }
        let (provider, clock, margin) = (Arc::clone(&self.provider), Arc::clone(&self.clock), self.margin);
        let (known, shared) = (state.refused.clone(), Arc::clone(&self.state));
        let flight: Flight = Box::pin(async move {
            let asked = clock.now();
            let outcome = match provider.token(known.back()).await {
                Ok(token) if known.contains(&token) => Err(TokenError::Refused),
                outcome => outcome,
            };
            let arrived = clock.now();
            let mut state = lock(&shared);
            state.flight = None;
            match outcome {
                Ok(token) => {
                    state.keep(&token, margin, asked);
                    Ok(token)
                }
                Err(error) => state.still_good(arrived).ok_or(error),
            }
        });
        let flight = flight.shared();
        state.flight = flight.downgrade();
        flight
    }
}

impl<P: TokenProvider + 'static> TokenProvider for Cached<P> {
    fn token<'a>(
        &'a self,
        refused: Option<&'a Token>,
    ) -> Pin<Box<dyn Future<Output = Result<Token, TokenError>> + Send + 'a>> {
        Box::pin(async move {
            // Ends: a request that begins after a refusal gives another token or fails, so only one that began before is in vain.
            loop {
                let flight = {
                    let now = self.clock.now();
                    let mut state = lock(&self.state);
                    state.refuse(refused);
                    if let Some(token) = state.fresh(now) {
                        return Ok(token);
                    }
                    self.flight(&mut state)
                };
                let token = flight.await?;
                if !lock(&self.state).refused.contains(&token) {
                    return Ok(token);
                }
            }
        })
    }
}

impl State {
    fn refuse(&mut self, refused: Option<&Token>) {
        let Some(refused) = refused else { return };
        if self.kept.as_ref().is_some_and(|kept| kept.token == *refused) {
            self.kept = None;
        }
        if !self.refused.contains(refused) {
            self.refused.push_back(refused.clone());
        }
        if self.refused.len() > REMEMBERED {
            self.refused.pop_front();
        }
    }

    fn keep(&mut self, token: &Token, margin: Duration, now: SystemTime) {
        let until = token.expires().map(|end| {
            let life = end.duration_since(now).unwrap_or_default();
            end.checked_sub(margin.min(life / SHORTEST_USE)).unwrap_or(now)
        });
        if !self.refused.contains(token) {
            self.kept = Some(Kept { token: token.clone(), until });
        }
    }

    /// The kept token, unless it is time to replace it.
    fn fresh(&self, now: SystemTime) -> Option<Token> {
        let kept = self.kept.as_ref()?;
        kept.until.is_none_or(|until| now < until).then(|| kept.token.clone())
    }

    /// The kept token, as long as it has not ended.
    fn still_good(&self, now: SystemTime) -> Option<Token> {
        let kept = self.kept.as_ref()?;
        kept.token.expires().is_none_or(|end| now < end).then(|| kept.token.clone())
    }
}

/// The state is whole between any two statements, so a panic elsewhere does not spoil it.
fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<P: fmt::Debug> fmt::Debug for Cached<P> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kept = lock(&self.state).kept.as_ref().map(|kept| kept.token.clone());
        let mut shown = formatter.debug_struct("Cached");
        shown.field("provider", &self.provider).field("margin", &self.margin).field("token", &kept);
        shown.finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "tests/cached.rs"]
mod tests;
