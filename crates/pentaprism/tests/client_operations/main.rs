//! Every operation of every client against the real server: in this process, over HTTP/1.1 and over HTTP/2, once with its
//! success and once with a documented refusal.
//!
//! Each test ends with a look at its spec: an operation that was not called so makes it fail.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod azure_sphere;
mod calls;
mod glance;
mod pingone;
mod public;
mod saved_views;
mod service_fabric;

use std::collections::BTreeSet;
use std::time::Duration;

use pentaprism::in_process::Server;
use pentaprism::listen::Listeners;
use pentaprism::serve::serve;
use pentaprism::settings::{DEVELOPMENT_TOKEN, GlanceRights, PrincipalSettings, Role, Settings, Token};
use pentaprism_client::{BaseUrl, Credential, HyperTransport};
use tokio::net::TcpListener;
use uuid::Uuid;

use self::calls::{Calls, specs};

/// Somebody with a project of its own, whom images are shared with.
const OTHER_TOKEN: &str = "token-of-another-project";
const OTHER_PROJECT: Uuid = Uuid::from_u128(0x2222_2222_2222_4222_8222_2222_2222_2222);

/// What no principal shows.
const UNKNOWN_TOKEN: &str = "token-of-nobody";

/// How a client reaches the server: the transport, and the address.
struct Way<T> {
    transport: T,
    base: BaseUrl,
}

impl<T: Clone> Way<T> {
    /// What a client is made of, with a bearer token.
    fn bearing(&self, token: &str) -> (T, BaseUrl, Credential) {
        self.showing(Credential::bearer(token).unwrap())
    }

    /// What a client is made of.
    fn showing(&self, credential: Credential) -> (T, BaseUrl, Credential) {
        (self.transport.clone(), self.base.clone(), credential)
    }
}

/// Runs the test of each dialect over each way, and looks that no spec has been forgotten.
macro_rules! every_way {
    ($($dialect:ident),* $(,)?) => {
        mod in_process {
            $(#[tokio::test]
            async fn $dialect() {
                let server = super::server().await;
                let way = super::Way { transport: server.transport(), base: super::Server::base() };
                let calls = super::Calls::default();
                super::$dialect::every_operation(&way, &calls).await;
                calls.assert_complete(stringify!($dialect));
                server.close().await;
            })*
        }
        every_way!(over http1, super::HyperTransport::builder(), $($dialect),*);
        every_way!(over http2, super::HyperTransport::builder().http2_with_prior_knowledge(), $($dialect),*);

        #[test]
        fn every_spec_has_its_test() {
            let tested = [$(stringify!($dialect)),*].map(str::to_owned);
            assert_eq!(specs().into_keys().collect::<BTreeSet<_>>(), BTreeSet::from(tested));
        }
    };
    (over $way:ident, $transport:expr, $($dialect:ident),*) => {
        mod $way {
            $(#[tokio::test]
            async fn $dialect() {
                super::over_a_socket($transport.build().unwrap(), async |way| {
                    let calls = super::Calls::default();
                    super::$dialect::every_operation(&way, &calls).await;
                    calls.assert_complete(stringify!($dialect));
                })
                .await;
            })*
        }
    };
}

every_way!(azure_sphere, glance, pingone, public, saved_views, service_fabric);

/// The server of development, with one more principal.
async fn server() -> Server {
    let other = PrincipalSettings {
        name: "other".to_owned(),
        token: Token::new(OTHER_TOKEN),
        glance: Some(GlanceRights {
            project: OTHER_PROJECT,
            user: Uuid::from_u128(7),
            roles: BTreeSet::from([Role::Member]),
        }),
        azure_sphere: None,
        pingone: None,
        ..PrincipalSettings::development()
    };
    let mut settings = Settings::default();
    settings.principals.push(other);
    Server::start_with(settings).await.unwrap()
}

async fn over_a_socket(transport: HyperTransport, test: impl AsyncFnOnce(Way<HyperTransport>)) {
    let server = server().await;
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", port.local_addr().unwrap()).parse().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let (app, limits) = (server.app().clone(), Settings::default().connections.limits());
    let serving = tokio::spawn(serve(Listeners::new(vec![port], None), app, limits, async move {
        drop(stopped.await);
    }));
    test(Way { transport, base }).await;
    stop.send(()).unwrap();
    tokio::time::timeout(Duration::from_mins(1), serving).await.unwrap().unwrap();
    server.close().await;
}

/// A picture of one color.
fn png(width: u32, height: u32) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(png::ColorType::Grayscale);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&vec![0x80; (width * height) as usize]).unwrap();
    writer.finish().unwrap();
    file
}

/// The path of a link behind the server's name, in its decoded segments.
fn segments(link: &str) -> Vec<String> {
    let path = link.splitn(4, '/').nth(3).unwrap();
    path.split('/').map(|segment| percent_encoding::percent_decode_str(segment).decode_utf8().unwrap().into()).collect()
}
