//! Tests of `doctor`: against this program's own server over loopback, and against servers that are wrong.

use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;

use pentaprism_store::{Options, RandomIds, Store, SystemClock};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::*;
use crate::app::App;
use crate::context::Context;
use crate::dialects::Dialects;
use crate::remote::profiles::place;
use crate::serve;
use crate::settings::Settings;
use crate::tokens::RandomTokens;

/// A server on a port of its own, until it is dropped.
struct Server {
    url: String,
    _stop: oneshot::Sender<()>,
}

async fn server() -> Server {
    let store = Store::open(Options::ephemeral()).await.unwrap();
    let (clock, ids) = (Arc::new(SystemClock), Arc::new(RandomIds));
    let context = Context::new(Settings::default(), store.clone(), clock, ids.clone(), Arc::new(RandomTokens));
    let app = App::new(&context.settings, Dialects::new(&context), store, ids);
    app.prepare().await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (stop, stopped) = oneshot::channel::<()>();
    let limits = Settings::default().connections.limits();
    tokio::spawn(serve::serve(listener, app, limits, async move { drop(stopped.await) }));
    Server { url, _stop: stop }
}

/// A clock that is wrong by some seconds.
struct Late(u64);

impl Clock for Late {
    fn now(&self) -> SystemTime {
        pentaprism_client::retry::SystemClock.now() - Duration::from_secs(self.0)
    }

    fn sleep(&self, _pause: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        // Deadlines of commands, which end before them.
        Box::pin(std::future::pending())
    }
}

fn late(seconds: u64) -> Arc<dyn Clock> {
    Arc::new(Late(seconds))
}

fn sources(environment: &[(&str, &str)], folder: &Path) -> Sources {
    let mut variables = vec![("HOME".into(), folder.into())];
    variables.extend(environment.iter().map(|(name, value)| ((*name).into(), (*value).into())));
    Sources { system: "/nowhere".into(), ..Sources::new(variables, folder.into(), None) }
}

const NAME: Uuid = uuid::uuid!("cf433676-4896-400d-8ec1-05118365d9d2");

/// What is told, line by line, and how it ends.
async fn told(
    subject: Option<&str>,
    write: Option<Uuid>,
    sources: &Sources,
    clock: &Arc<dyn Clock>,
) -> (Vec<String>, Result<(), Failure>) {
    let mut lines = Vec::new();
    let mut tell = |check: Check| {
        let advice = check.advice.map(|advice| format!(" -> {advice}")).unwrap_or_default();
        lines.push(format!("{} {}: {}{advice}", check.outcome.name(), check.check, check.found));
        Ok(())
    };
    let ended = examine(subject, write, sources, clock, &mut tell).await;
    (lines, ended)
}

async fn with_profile(text: &str, subject: &str) -> (Vec<String>, Result<(), Failure>) {
    let folder = tempfile::tempdir().unwrap();
    let sources = sources(&[], folder.path());
    let path = place(&sources).unwrap();
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
    let (lines, ended) = told(Some(subject), None, &sources, &late(0)).await;
    let shorter = |line: String| line.replace(folder.path().to_str().unwrap(), "~");
    (lines.into_iter().map(shorter).collect(), ended)
}

#[tokio::test]
async fn a_local_server_is_well_from_end_to_end() {
    let server = server().await;
    let folder = tempfile::tempdir().unwrap();
    let sources = sources(&[("PENTAPRISM_SERVER", &server.url)], folder.path());
    let (lines, ended) = told(None, Some(NAME), &sources, &late(0)).await;
    assert_eq!(ended, Ok(()), "{lines:#?}");
    let url = &server.url;
    let settings = format!("{url}, told by the environment variables PENTAPRISM_SERVER and PENTAPRISM_TOKEN");
    let expected = [
        format!("ok glance settings: {settings}"),
        "ok token: the token that every local server begins with".to_owned(),
        format!("ok connection: {url} answers over HTTP/1.1"),
        "ok clock: the service's clock shows the same time".to_owned(),
        "ok glance: images can be listed, the API in version 2.".to_owned(),
        "ok glance upload: an image was uploaded, read back and deleted".to_owned(),
        format!("ok sphere settings: {settings}"),
        "ok sphere: the tenant 768c2cd6-1bf0-4521-9f53-084a331d81cb is there (Pentaprism)".to_owned(),
        "skipped sphere upload: nothing was uploaded, as images of Azure Sphere cannot be deleted again".to_owned(),
        format!("ok views settings: {settings}"),
        "ok views: saved views can be listed".to_owned(),
        "skipped views upload: nothing was uploaded, as pictures of saved views can only be replaced".to_owned(),
        format!("ok pingone settings: {settings}"),
        "ok pingone: the environment abfba8f6-49eb-49f5-a5d9-80ad5c98f9f6 is there (Pentaprism)".to_owned(),
        "ok pingone upload: a picture was uploaded, looked at and deleted".to_owned(),
        format!("ok sf settings: {settings}"),
        "ok sf: the image store can be listed".to_owned(),
        "ok sf upload: a file was uploaded, looked at and deleted".to_owned(),
    ];
    assert_eq!(lines.len(), expected.len(), "{lines:#?}");
    for (line, begin) in lines.iter().zip(&expected) {
        assert!(line.starts_with(begin), "{line} does not begin with {begin}");
    }
}

#[tokio::test]
async fn a_wrong_token_is_told_with_where_it_comes_from_and_never_shown() {
    let server = server().await;
    let text = format!("[work]\nserver = \"{}\"\ntoken = \"s3cret-token\"\n", server.url);
    let (lines, ended) = with_profile(&text, "work/glance").await;
    let all = lines.join("\n");
    assert_eq!(ended.unwrap_err().kind, FailureKind::NotAllowed, "{all}");
    assert!(all.contains("warning secrets: `~/.config/pentaprism/profiles.toml` holds secrets"), "{all}");
    assert!(all.contains("ok token: a token in the profile `work` in `~/.config/pentaprism/profiles.toml`"), "{all}");
    let advice = "-> a token in the profile `work` in `~/.config/pentaprism/profiles.toml` was shown; get another one";
    assert!(all.contains("failed glance: ") && all.contains(advice) && !all.contains("s3cret-token"), "{all}");
}

#[tokio::test]
async fn what_is_not_set_is_told_with_what_could_be() {
    let server = server().await;
    let text = format!("[work]\nserver = \"{}\"\ntoken = \"pentaprism-dev\"\n", server.url);
    let (lines, ended) = with_profile(&text, "work").await;
    let all = lines.join("\n");
    assert_eq!(ended, Ok(()), "{all}");
    let tenants =
        "the tenants are 768c2cd6-1bf0-4521-9f53-084a331d81cb (Pentaprism); none is chosen -> set `tenant` in";
    assert!(all.contains(&format!("warning sphere: {tenants}")), "{all}");
    assert!(all.contains("warning pingone: nothing was asked, as no environment is chosen"), "{all}");
    assert!(all.contains("warning views: nothing was asked"), "{all}");
    let wrong = format!("{text}azure_sphere.tenant = \"{NAME}\"\n");
    let (lines, ended) = with_profile(&wrong, "work/sphere").await;
    assert_eq!(ended.unwrap_err().kind, FailureKind::NotFound);
    assert!(lines.last().unwrap().contains(&format!("may not use the tenant {NAME}; its tenants are 768c2cd6")));
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told_once() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let folder = tempfile::tempdir().unwrap();
    let (lines, ended) =
        told(None, Some(NAME), &sources(&[("PENTAPRISM_SERVER", &url)], folder.path()), &late(0)).await;
    let failure = ended.unwrap_err();
    assert_eq!((failure.kind, failure.told), (FailureKind::Unreachable, true));
    let failed: Vec<_> = lines.iter().filter(|line| line.starts_with("failed ")).collect();
    assert_eq!(failed.len(), 1, "{lines:#?}");
    assert!(
        failed[0].starts_with(&format!("failed connection: the connection did not begin: {url} cannot be reached"))
    );
    assert_eq!(lines.iter().filter(|line| line.starts_with("skipped ")).count(), 5, "{lines:#?}");
}

#[tokio::test]
async fn a_clock_that_is_wrong_is_told() {
    let server = server().await;
    let folder = tempfile::tempdir().unwrap();
    let sources = sources(&[("PENTAPRISM_SERVER", &server.url)], folder.path());
    let (lines, ended) = told(Some("sf:"), None, &sources, &late(3600)).await;
    assert_eq!(ended, Ok(()));
    let clock = lines.iter().find(|line| line.contains(" clock: ")).unwrap();
    assert!(
        clock.starts_with("warning clock: the service's clock and this one are 3") && clock.contains(" -> "),
        "{clock}"
    );
}

#[tokio::test]
async fn another_kind_of_server_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = vec![0; 4096];
            drop(stream.read(&mut request).await);
            let page = "<html>hello</html>";
            let head = "HTTP/1.1 200 OK\r\nServer: shop/1\r\nContent-Type: text/html\r\nConnection: close\r\n";
            drop(stream.write_all(format!("{head}Content-Length: {}\r\n\r\n{page}", page.len()).as_bytes()).await);
        }
    });
    let (lines, ended) = with_profile(&format!("[work]\nserver = \"{url}\"\n"), "work/glance").await;
    let all = lines.join("\n");
    assert_eq!(ended.unwrap_err().kind, FailureKind::ServiceFailed, "{all}");
    assert!(all.contains("warning token: none is shown -> set `token_file`"), "{all}");
    assert!(all.contains("answers over HTTP/1.1, it calls itself shop/1"), "{all}");
    assert!(all.contains("it answers with a web page, so this is probably not such a service"), "{all}");
}

#[tokio::test]
async fn tokens_of_commands_are_asked_for() {
    let server = server().await;
    let profile = |command: &str| {
        format!("[work]\nserver = \"{}\"\ntoken_command = [\"sh\", \"-c\", \"{command}\"]\n", server.url)
    };
    let (lines, ended) = with_profile(&profile("echo pentaprism-dev"), "work/glance").await;
    assert_eq!(ended, Ok(()), "{lines:#?}");
    assert!(lines[1].starts_with("ok token: a token from the command `sh`; its end is not known"), "{lines:#?}");
    let (lines, ended) = with_profile(&profile("echo locked out >&2; exit 3"), "work/glance").await;
    assert_eq!(ended.unwrap_err().kind, FailureKind::NotAllowed);
    let expected = "failed token: the command sh gave no token: it ended with exit status: 3: locked out";
    assert!(lines[1].starts_with(expected), "{lines:#?}");
    assert_eq!(lines[2], "skipped glance: nothing was asked, as there is no token");
}

#[tokio::test]
async fn profiles_that_are_not_there_are_told() {
    for (subject, part) in [
        ("none", "there is no profile `none` in `~/.config/pentaprism/profiles.toml`; it has `empty`, `work`"),
        ("none/sf", "there is no profile `none` in"),
        ("work/ftp", "`work/ftp` is no PROFILE/API; the APIs are glance, sphere, views, pingone, sf"),
        ("empty", "the profile `empty` says nothing of any service"),
        ("work/sf", "does not say where service_fabric is; set `server` to an address such as"),
    ] {
        let (lines, ended) = with_profile("[work.glance]\nserver = \"http://127.0.0.1\"\n[empty]\n", subject).await;
        assert_eq!(ended.unwrap_err().kind, FailureKind::Usage);
        assert!(lines.len() == 1 && lines[0].starts_with("failed ") && lines[0].contains(part), "{lines:#?}");
    }
}

#[test]
fn what_cannot_be_deleted_again_is_told_with_what_failed_before() {
    let failed = |what: &str| Failure::new(FailureKind::ServiceFailed, what);
    let both: Result<(), _> =
        write::cleared(Err(failed("the image is wrong")), Err(failed("no deletion")), "the image 7");
    let both = both.unwrap_err();
    assert_eq!(
        (both.what.as_str(), both.causes),
        ("the image is wrong", vec!["the image 7 is left behind: no deletion".to_owned()])
    );
    assert_eq!(both.advice.as_deref(), Some("delete the image 7 yourself"));
    let deletion = write::cleared(Ok(()), Err(failed("no deletion")), "the image 7").unwrap_err();
    assert_eq!(
        (deletion.what.as_str(), deletion.advice.as_deref()),
        ("no deletion", Some("delete the image 7 yourself"))
    );
    assert_eq!(write::cleared(Err::<(), _>(failed("wrong")), Ok(()), "the image 7").unwrap_err().advice, None);
}
