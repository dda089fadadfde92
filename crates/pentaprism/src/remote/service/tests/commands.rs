//! The commands on it, over a socket.

use std::ffi::OsString;
use std::io::Write;
use std::time::Instant;

use clap::Parser as _;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::*;
use crate::command::{Command, CommandLine, RemoteCommand};
use crate::remote::paint::Paint;
use crate::remote::report::{Look, Reporter, Streams};
use crate::remote::{list, remove, stat, wait};

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Written {
    fn take(&self) -> String {
        String::from_utf8(std::mem::take(&mut self.0.lock().unwrap())).unwrap()
    }
}

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A server on a port of its own, until it is dropped, and somebody who types commands.
struct Terminal {
    url: String,
    folder: tempfile::TempDir,
    server: Server,
    _stop: oneshot::Sender<()>,
}

impl Terminal {
    async fn new() -> Self {
        let server = Server::start().await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel::<()>();
        let limits = crate::settings::Settings::default().connections.limits();
        let ended = async move { drop(stopped.await) };
        tokio::spawn(crate::serve::serve(listener, server.app().clone(), limits, ended));
        Self { url, folder: tempfile::tempdir().unwrap(), server, _stop: stop }
    }

    /// What a command comes to, and what it writes to standard output and standard error.
    async fn type_in(&self, line: &str) -> (Result<(), FailureKind>, String, String) {
        let words = ["pentaprism"].into_iter().chain(line.split(' '));
        let Command::Remote(command) = CommandLine::try_parse_from(words).unwrap().command else { panic!("{line}") };
        let (output, errors) = (Written::default(), Written::default());
        let look = Look {
            json: command.common().json,
            quiet: false,
            bars: false,
            output_taken: false,
            output: Paint::NONE,
            errors: Paint::NONE,
        };
        let streams = Streams { output: Box::new(output.clone()), errors: Box::new(errors.clone()) };
        let reporter = Reporter::new(look, streams, Arc::new(Instant::now));
        let home = self.folder.path();
        let environment: Vec<(OsString, OsString)> = vec![
            ("HOME".into(), home.into()),
            ("PENTAPRISM_SERVER".into(), self.url.clone().into()),
            ("PENTAPRISM_TOKEN".into(), DEVELOPMENT_TOKEN.into()),
        ];
        let session = Arc::new(Session::new(command.common(), environment, home.into(), Arc::clone(&reporter)));
        let done = match &command {
            RemoteCommand::List(arguments) => list::run(arguments, &session).await,
            RemoteCommand::Stat(arguments) => stat::run(arguments, &session).await,
            RemoteCommand::Remove(arguments) => remove::run(arguments, &session).await,
            RemoteCommand::Wait(arguments) => wait::run(arguments, &session).await,
            _ => panic!("{line}"),
        };
        let done = done.map_err(|failure| {
            let kind = failure.kind;
            let _told = reporter.tell(failure);
            kind
        });
        (done, output.take(), errors.take())
    }

    /// What a command writes that works.
    async fn works(&self, line: &str) -> String {
        let (done, output, errors) = self.type_in(line).await;
        assert!(done.is_ok(), "{line}: {errors}");
        output
    }

    async fn put(&self, path: &str, bytes: &'static str) {
        let request = Request::put(format!("/ImageStore/{path}?api-version=6.0")).header("host", "localhost");
        let answer = self.server.app().call(request.body(Body::from(bytes)).unwrap()).await;
        assert_eq!(answer.status(), 200);
    }
}

#[tokio::test]
async fn listings_are_in_the_order_that_was_asked_for() {
    let terminal = Terminal::new().await;
    for (path, bytes) in [("App/a.txt", "333"), ("App/b.txt", "1"), ("App/Code/x.dll", "22")] {
        terminal.put(path, bytes).await;
    }
    let addresses = async |line: &str| {
        let output = terminal.works(line).await;
        output.lines().map(|line| line.split_whitespace().last().unwrap().to_owned()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(addresses("ls sf:App").await, "sf:App/a.txt sf:App/b.txt sf:App/Code");
    assert_eq!(addresses("ls sf:App --sort size").await, "sf:App/b.txt sf:App/a.txt sf:App/Code");
    assert_eq!(addresses("ls -r sf:App --sort size:desc --limit 2").await, "sf:App/a.txt sf:App/Code/x.dll");
    assert_eq!(addresses("ls -r sf:App --name x.dll").await, "sf:App/Code/x.dll");
    assert_eq!(terminal.works("ls glance: --sort modified:desc").await, "");
    let lines = terminal.works("ls -r sf: --json").await;
    let first: serde_json::Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!((lines.lines().count(), first["address"].as_str()), (5, Some("sf:App")));
    let (done, output, errors) = terminal.type_in("ls pentaprism/sf:App").await;
    assert_eq!((done, output.as_str()), (Err(FailureKind::Usage), ""));
    assert!(errors.contains("the service of pentaprism/sf:App cannot be called"), "{errors}");
}

#[tokio::test]
async fn one_that_fails_does_not_keep_the_others() {
    let terminal = Terminal::new().await;
    terminal.put("App/a.txt", "a").await;
    terminal.put("App/b.txt", "b").await;
    let (done, output, errors) = terminal.type_in("stat sf:none sf:App/a.txt").await;
    assert_eq!(done, Err(FailureKind::NotFound));
    assert!(output.starts_with("sf:App/a.txt\n") && errors.matches("error:").count() == 1, "{output}{errors}");
    assert!(terminal.works("wait sf:App/a.txt").await.starts_with("sf:App/a.txt"));
    let (done, output, errors) = terminal.type_in("rm sf:none sf:App/a.txt sf:App").await;
    assert_eq!((done, output.as_str()), (Err(FailureKind::NotFound), "sf:App/a.txt\n"));
    assert_eq!(errors.matches("error:").count(), 2, "{errors}");
    assert_eq!(terminal.works("rm -r sf:App").await, "sf:App\n");
    assert_eq!(terminal.works("wait --gone sf:App").await, "sf:App\n");
}

#[tokio::test]
async fn that_a_view_goes_with_its_picture_is_said() {
    let terminal = Terminal::new().await;
    let view = crate::settings::DEFAULT_SAVED_VIEW;
    assert!(terminal.works("ls views:").await.contains(view));
    let (done, output, errors) = terminal.type_in(&format!("rm views:{view}")).await;
    assert_eq!((done, output.as_str()), (Err(FailureKind::Usage), ""), "{errors}");
    let (done, output, errors) = terminal.type_in(&format!("rm -r views:{view}")).await;
    assert_eq!((done, output), (Ok(()), format!("views:{view}\n")));
    assert!(errors.contains("the saved view itself is deleted"), "{errors}");
    assert_eq!(terminal.works("ls views:").await, "");
}

#[tokio::test]
async fn where_nobody_listens_every_command_says_so() {
    let mut terminal = Terminal::new().await;
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    terminal.url = format!("http://{nobody}");
    for line in ["ls sf:", "stat glance:x", "rm pingone:x", "wait views:x"] {
        let (done, _, errors) = terminal.type_in(&format!("{line} --retries 0")).await;
        assert_eq!(done, Err(FailureKind::Unreachable), "{errors}");
        assert!(errors.contains("`pentaprism serve` starts a server"), "{errors}");
    }
}
