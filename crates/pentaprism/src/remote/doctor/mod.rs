//! `pentaprism doctor`: looks at a profile from its file to an answer of each API, and says what is wrong and what to do.

mod read;
mod witness;
mod write;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use pentaprism_client::retry::Clock;
use pentaprism_store::{Ids as _, RandomIds};
use uuid::Uuid;

use self::read::{Answered, Patient};
use self::witness::{Seen, Witness};
use super::address::{Address, Dialect};
use super::failure::{Failure, FailureKind};
use super::profiles::{
    Access, Connection, Origin, ProfilesFile, Secret, Server, Sources, connect, token_failure, uses_proxy,
};
use super::report::{Check, CheckOutcome};
use super::session::Session;
use crate::command::DoctorArguments;
use crate::settings::DEVELOPMENT_TOKEN;

/// How far the clocks of client and service may be apart before tokens and certificates may seem to be of the wrong time.
const CLOCKS: Duration = Duration::from_mins(1);

/// Variables that name proxies, for messages.
const PROXIES: [&str; 6] = ["https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"];

/// What helps where no token is shown.
const NO_TOKEN: &str = "set `token_file`, `token_env` or `token_command` in the profile, or PENTAPRISM_TOKEN";

/// Takes what was found, one thing after the other. A failure of its own ends the examination.
pub type Teller<'t> = &'t mut (dyn FnMut(Check) -> Result<(), Failure> + Send);

/// Examines what `subject` names: a profile, `PROFILE/DIALECT`, or nothing for what commands work with that name no profile.
/// With `write` small images of that name are uploaded and deleted.
///
/// # Errors
/// A [`Failure`] that was told already, of the kind of the first thing that does not work; or what `tell` fails with.
pub async fn examine(
    subject: Option<&str>,
    write: Option<Uuid>,
    sources: &Sources,
    clock: &Arc<dyn Clock>,
    tell: Teller<'_>,
) -> Result<(), Failure> {
    let mut examination = Examination { write, sources, clock, tell, told: Vec::new(), failed: Vec::new() };
    match addresses(subject, sources) {
        Ok(addresses) => {
            for address in addresses {
                examination.examine(&address).await?;
            }
        }
        Err(failure) => examination.fail("profile", failure)?,
    }
    match examination.failed.first() {
        None => Ok(()),
        Some(kind) => {
            let number = examination.failed.len();
            let what = if number == 1 { "one check".to_owned() } else { format!("{number} checks") };
            Err(Failure::new(*kind, format!("{what} failed")).told())
        }
    }
}

/// The services that are meant.
fn addresses(subject: Option<&str>, sources: &Sources) -> Result<Vec<Address>, Failure> {
    let all = |profile, dialects: &[Dialect]| {
        dialects.iter().map(|dialect| Address::of_service(profile, *dialect)).collect::<Vec<_>>()
    };
    let Some(subject) = subject else { return Ok(all(None, &Dialect::ALL)) };
    let usage = |what: String| Failure::new(FailureKind::Usage, what);
    if let Some((profile, word)) = subject.split_once('/') {
        let found = Dialect::of_word(word.trim_end_matches(':')).or_else(|| Dialect::of_table(word));
        let dialect = found.ok_or_else(|| {
            let words = Dialect::ALL.map(Dialect::word).join(", ");
            usage(format!("`{subject}` is no PROFILE/API; the APIs are {words}"))
        })?;
        return Ok(all(Some(profile), &[dialect]));
    }
    if let Some(dialect) = subject.strip_suffix(':').and_then(Dialect::of_word) {
        return Ok(all(None, &[dialect]));
    }
    let file = ProfilesFile::read(sources, subject)?;
    // A profile that is not there is told by the first that asks for it.
    let dialects = if file.has(subject) { file.dialects(subject) } else { Dialect::ALL[..1].to_vec() };
    if dialects.is_empty() {
        let failure = usage(format!("the profile `{subject}` says nothing of any service"));
        return Err(failure.advise("set `server`, or one in a table such as `glance`"));
    }
    Ok(all(Some(subject), &dialects))
}

/// Carries out `pentaprism doctor`.
///
/// # Errors
/// As [`examine`].
pub async fn run(arguments: &DoctorArguments, session: &Session) -> Result<(), Failure> {
    let write = arguments.write.then(|| RandomIds.next());
    let mut tell = |check: Check| session.reporter.checked(&check);
    examine(arguments.profile.as_deref(), write, &session.sources, &session.clock, &mut tell).await
}

struct Examination<'t> {
    write: Option<Uuid>,
    sources: &'t Sources,
    clock: &'t Arc<dyn Clock>,
    tell: Teller<'t>,
    told: Vec<Check>,
    failed: Vec<FailureKind>,
}

impl Examination<'_> {
    async fn examine(&mut self, address: &Address) -> Result<(), Failure> {
        let word = address.dialect().word();
        let connection = match connect(address, self.sources, self.clock) {
            Ok(connection) => connection,
            Err(error) => return self.fail(&format!("{word} settings"), error.into()),
        };
        self.well(&format!("{word} settings"), settings(&connection))?;
        for warning in connection.warnings() {
            self.tell(CheckOutcome::Warning, "secrets", warning.to_string(), None)?;
        }
        if uses_proxy(connection.target())
            && let Some(name) = PROXIES.iter().find(|name| self.sources.variable(name).is_some())
        {
            self.well("proxy", format!("{name} is set; NO_PROXY names hosts that are reached without it"))?;
        }
        if !self.token(&connection).await? {
            return self.skip(word, "nothing was asked, as there is no token");
        }
        let base = match connection.base().await {
            Ok(base) => base,
            Err(error) => return self.fail(&format!("{word} endpoint"), error.into()),
        };
        if let Some(warning) = connection.warning_of(&base) {
            self.tell(CheckOutcome::Warning, "secrets", warning.to_string(), None)?;
        }
        let witness = Witness::new(connection.transport().clone());
        let patient = Patient {
            dialect: address.dialect(),
            base,
            credential: connection.credential().clone(),
            witness: witness.clone(),
            places: connection.places(),
            server: connection.server(),
        };
        let answered = patient.read().await;
        match (witness.seen(), &answered) {
            (Some(seen), _) => self.seen(&seen)?,
            (None, Err(failure)) => {
                self.fail("connection", failure.clone())?;
                return self.skip(word, "nothing was asked, as there is no connection");
            }
            // Nothing was asked, and why is told below.
            (None, Ok(_)) => {}
        }
        match answered {
            Ok(Answered::Well(found)) => self.well(word, found)?,
            Ok(Answered::NotSet(found, advice)) => {
                self.tell(CheckOutcome::Warning, word, found, Some(advice.to_owned()))?;
            }
            Err(failure) if failure.kind == FailureKind::NotAllowed => {
                let advice = match whence(&connection) {
                    Some(whence) => format!("{whence} was shown; get another one, or have it given the right"),
                    None => NO_TOKEN.to_owned(),
                };
                return self.fail(word, failure.advise(advice));
            }
            Err(failure) => return self.fail(word, failure),
        }
        self.write(&patient).await
    }

    /// Whether there is a token, or none is needed.
    async fn token(&mut self, connection: &Connection) -> Result<bool, Failure> {
        let whence = whence(connection);
        match connection.token().await {
            Ok(None) => match whence {
                Some(whence) => self.well("token", whence)?,
                None if connection.dialect() == Dialect::ServiceFabric => {
                    self.well("token", "none is shown, as Service Fabric needs none".to_owned())?;
                }
                None => {
                    let found = "none is shown".to_owned();
                    self.tell(CheckOutcome::Warning, "token", found, Some(NO_TOKEN.to_owned()))?;
                }
            },
            Ok(Some(token)) => {
                let until = match token.expires() {
                    Some(end) => format!("good until {}", httpdate::fmt_http_date(end)),
                    None => "its end is not known".to_owned(),
                };
                self.well("token", format!("{}; {until}", whence.unwrap_or_default()))?;
            }
            Err(error) => {
                self.fail("token", token_failure(&error))?;
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// What an answer says beside what it was asked for.
    fn seen(&mut self, seen: &Seen) -> Result<(), Failure> {
        let software = seen.software.as_ref().map(|name| format!(", it calls itself {name}")).unwrap_or_default();
        let trusted = if seen.server.starts_with("https:") { ", its certificate is trusted" } else { "" };
        self.well("connection", format!("{} answers over {:?}{trusted}{software}", seen.server, seen.version))?;
        let Some(date) = seen.date else { return Ok(()) };
        let apart = apart(self.clock.now(), date);
        if apart <= CLOCKS {
            return self.well("clock", "the service's clock shows the same time".to_owned());
        }
        let found = format!("the service's clock and this one are {} seconds apart", apart.as_secs());
        let advice = "set the wrong one; tokens and certificates are judged by the clock";
        self.tell(CheckOutcome::Warning, "clock", found, Some(advice.to_owned()))
    }

    async fn write(&mut self, patient: &Patient<'_>) -> Result<(), Failure> {
        let Some(name) = self.write else { return Ok(()) };
        let check = format!("{} upload", patient.dialect.word());
        match patient.write(name).await {
            Ok(Ok(found)) => self.well(&check, found),
            Ok(Err(why)) => self.skip(&check, why),
            Err(failure) => self.fail(&check, failure),
        }
    }

    fn well(&mut self, check: &str, found: String) -> Result<(), Failure> {
        self.tell(CheckOutcome::Ok, check, found, None)
    }

    fn skip(&mut self, check: &str, found: &str) -> Result<(), Failure> {
        self.tell(CheckOutcome::Skipped, check, found.to_owned(), None)
    }

    fn fail(&mut self, check: &str, failure: Failure) -> Result<(), Failure> {
        self.failed.push(failure.kind);
        let found = [vec![failure.what], failure.causes].concat().join(": ");
        self.tell(CheckOutcome::Failed, check, found, failure.advice)
    }

    /// Tells what was found, unless it was told of another API already: one server serves several.
    fn tell(
        &mut self,
        outcome: CheckOutcome,
        check: &str,
        found: String,
        advice: Option<String>,
    ) -> Result<(), Failure> {
        let check = Check { check: check.to_owned(), outcome, found, advice };
        if self.told.contains(&check) {
            return Ok(());
        }
        self.told.push(check.clone());
        (self.tell)(check)
    }
}

/// Who says where the service is.
fn settings(connection: &Connection) -> String {
    let target = connection.target();
    match (&target.server, &target.origin) {
        (Server::Catalog, origin) => format!("Keystone at {} knows where, told by {origin}", connection.server()),
        (Server::At(server), Origin::Local) => format!("{server}, the local server, as nothing says otherwise"),
        (Server::At(server), origin) => format!("{server}, told by {origin}"),
    }
}

/// Where the token comes from, if there is one. Never the token.
fn whence(connection: &Connection) -> Option<String> {
    let target = connection.target();
    Some(match &target.access {
        Access::Nothing => return None,
        Access::Token(Secret::Written(token)) if token.reveal() == DEVELOPMENT_TOKEN => {
            "the token that every local server begins with".to_owned()
        }
        Access::Token(Secret::Written(_)) => format!("a token in {}", target.origin),
        Access::Token(secret) => format!("a token from {secret}"),
        Access::Basic { user, .. } => format!("the user {user} with a password"),
        Access::OAuth(oauth) => format!("a token of {} for the client {}", oauth.token_url, oauth.client_id),
        Access::Keystone(login) => format!("a token of Keystone at {}", login.auth_url),
    })
}

fn apart(one: SystemTime, other: SystemTime) -> Duration {
    one.duration_since(other).unwrap_or_else(|error| error.duration())
}

#[cfg(test)]
mod tests;
