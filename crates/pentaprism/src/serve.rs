//! `pentaprism serve`: from settings to a running server, and down again.

use std::future::Future;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use pentaprism_server::connection::{self, Finished, Listen};
use pentaprism_store::{Fault, Ids as _, OpenError, RandomIds, Store, SystemClock};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

use crate::app::App;
use crate::banner::{Bound, banner};
use crate::context::Context;
use crate::dialects::Dialects;
use crate::listen::Listeners;
use crate::log;
use crate::settings::{LoadError, RuleError, Settings, Source};
use crate::tls::{self, TlsError};
use crate::tokens::RandomTokens;

/// How long the store may take to end what it began.
const CLOSE_DEADLINE: Duration = Duration::from_secs(30);

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The settings cannot be read.
    #[error("the settings cannot be read")]
    Load(#[from] LoadError),
    /// The settings are unsafe or do not go together.
    #[error("the settings do not go together")]
    Rule(#[from] RuleError),
    /// The log cannot be started.
    #[error("the log cannot be started")]
    Log(#[from] log::LevelError),
    /// The store cannot be opened.
    #[error("the store cannot be opened")]
    Store(#[from] OpenError),
    /// What has to be there from the first request on cannot be read or written.
    #[error("the store cannot be made ready for requests; when it is damaged, `pentaprism fsck` says where")]
    Prepare(#[source] Fault),
    /// Connections cannot be encrypted.
    #[error("connections cannot be encrypted")]
    Tls(#[from] TlsError),
    /// The address cannot be listened on.
    #[error("{address} cannot be listened on; name another address with {setting}, or end who listens there")]
    Listen {
        /// Where the address is set.
        setting: String,
        /// The address.
        address: SocketAddr,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// The signals that end the server cannot be awaited.
    #[error("signals cannot be awaited")]
    Signals(#[source] io::Error),
}

/// Serves `app` to whoever connects, until `stop` resolves; then lets running requests finish up to their deadline.
pub async fn serve(
    listener: impl Listen,
    app: App,
    limits: connection::Limits,
    stop: impl Future<Output = ()> + Send,
) -> Finished {
    let told = app.clone();
    let stop = async move {
        stop.await;
        told.stop();
    };
    connection::serve(listener, app, limits, stop).await
}

/// Runs the server of `pentaprism serve` until a signal ends it.
///
/// # Errors
/// [`StartError`]; a server that has started ends without error.
pub async fn run(source: &Source) -> Result<(), StartError> {
    let settings = Settings::load(source)?;
    let warnings = settings.check()?;
    log::start(&settings.log)?;
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    raise_open_files();
    let signals = Signals::new().map_err(StartError::Signals)?;
    let store = Store::open(settings.store_options()).await?;
    let (listeners, bound) = listen(&settings).await?;
    let limits = settings.connections.limits();
    let text = banner(&settings, &bound, RandomIds.next());
    let context =
        Context::new(settings, store.clone(), Arc::new(SystemClock), Arc::new(RandomIds), Arc::new(RandomTokens));
    let app = App::new(&context.settings, Dialects::new(&context), store.clone(), Arc::new(RandomIds));
    drop(context);
    app.prepare().await.map_err(StartError::Prepare)?;
    // Without a reader for the banner the server is as good as with one.
    let _nobody_reads = io::stdout().write_all(text.as_bytes());
    tracing::info!(listening = %bound.all, "started");
    let finished = serve_until_signalled(listeners, app.clone(), limits, signals).await;
    app.close().await;
    let closed = store.close(CLOSE_DEADLINE).await;
    if let Some(Finished { cut }) = finished {
        tracing::info!(cut, closed, "stopped");
    } else {
        tracing::warn!(closed, "stopped by a second signal; running requests were cut");
    }
    Ok(())
}

/// Binds the port of all dialects, then those of single ones.
async fn listen(settings: &Settings) -> Result<(Listeners, Bound), StartError> {
    let tls = match (&settings.tls.certificate, &settings.tls.key) {
        (Some(certificate), Some(key)) => Some(tls::configuration(certificate, key)?),
        _ => None,
    };
    let secure = tls.is_some();
    let (first, all) = bind(settings.listen, "--listen or the setting listen").await?;
    let mut listeners = vec![first];
    let mut single = Vec::new();
    for (dialect, address) in settings.ports.all() {
        let (listener, bound) = bind(address, &format!("the setting ports.{}", dialect.name())).await?;
        listeners.push(listener);
        single.push((dialect, bound));
    }
    Ok((Listeners::new(listeners, tls), Bound { all, single, secure }))
}

async fn bind(address: SocketAddr, setting: &str) -> Result<(TcpListener, SocketAddr), StartError> {
    let wrong = |source| StartError::Listen { setting: setting.to_owned(), address, source };
    let listener = TcpListener::bind(address).await.map_err(wrong)?;
    let bound = listener.local_addr().map_err(wrong)?;
    Ok((listener, bound))
}

/// Lets this process have as many files and connections open as the system grants it: the usual soft limit of 1,024 is below what the
/// connections alone may need. Where that fails the server goes on with what it has.
fn raise_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    match setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        Ok(()) if current == maximum => tracing::debug!(limit = maximum, "limit of open files"),
        Ok(()) => tracing::info!(before = current, now = maximum, "limit of open files"),
        Err(error) => tracing::warn!(limit = current, %error, "the limit of open files cannot be raised"),
    }
}

/// The first signal asks the server to stop, a second one does not wait for running requests.
async fn serve_until_signalled(
    listener: Listeners,
    app: App,
    limits: connection::Limits,
    mut signals: Signals,
) -> Option<Finished> {
    let (stop, stopped) = oneshot::channel();
    let mut stop = Some(stop);
    let stopped = async {
        // The sender outlives the server.
        let _never_dropped = stopped.await;
    };
    let mut serving = std::pin::pin!(serve(listener, app, limits, stopped));
    loop {
        tokio::select! {
            finished = &mut serving => return Some(finished),
            () = signals.next() => match stop.take() {
                Some(stop) => {
                    tracing::info!("stopping; running requests may finish, a second signal cuts them");
                    let _still_serving = stop.send(());
                }
                None => return None,
            }
        }
    }
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::chain;

    #[test]
    fn a_start_that_the_disk_has_no_space_for_says_so_and_accuses_nobody_else() {
        let told = chain(&StartError::Prepare(Fault::DiskFull { needed: 4096, available: 0 }));
        assert!(
            told.starts_with("the store cannot be made ready for requests;") && !told.contains("cannot be read"),
            "{told}"
        );
        assert!(told.contains(": the disk is full: 4096 bytes wanted, 0 available"), "{told}");
    }

    #[tokio::test]
    async fn a_port_that_is_taken_is_named_with_its_setting() {
        let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = taken.local_addr().unwrap();
        let mut settings = Settings { listen: "127.0.0.1:0".parse().unwrap(), ..Settings::default() };
        settings.ports.saved_views = Some(address);
        let error = listen(&settings).await.err().unwrap().to_string();
        let remedy = "name another address with the setting ports.saved_views, or end who listens there";
        assert_eq!(error, format!("{address} cannot be listened on; {remedy}"));
        (settings.listen, settings.ports.saved_views) = (address, None);
        let error = listen(&settings).await.err().unwrap().to_string();
        assert!(error.contains("with --listen or the setting listen,"), "{error}");
    }
}
