//! The program under uploads that mean harm, many at once: it answers each as documented, serves honest ones as before, and
//! stays small.

use std::fs::File;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use pentaprism_testkit::server_process::ServerProcess;
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::hostile_attacks::{all, logos, update};
use crate::hostile_pictures::{chunk, header, png, small_png, zlib};
use crate::hostile_wire::{Attack, Sent, Target};
use crate::support::{noise, program, succeed, text};

/// What the server may have resident at its peak, in bytes. A program that is not optimised is itself larger by some.
const MEMORY: u64 = if cfg!(debug_assertions) { 96 << 20 } else { 64 << 20 };
/// What it may have on top where it makes PNGs of logos.
const CONVERSIONS: u64 = 256 << 20;
/// Connections at a time.
const AT_ONCE: usize = 50;
/// Large pictures at a time. A program that is not optimised needs more than a second for each, and those that wait for longer
/// than half a minute are refused.
const HONEST: usize = if cfg!(debug_assertions) { 8 } else { AT_ONCE };
/// Sides of honest pictures: seven million pixels that cannot be packed, close to the limit of an update.
const WIDTH: u32 = 3000;
const HEIGHT: u32 = 2333;
/// The view that all pictures are put on.
const VIEW: &str = "ACZbDmWhULVChRcDRkoPdLaNv7DGPQORQpkxmyDyE1ERZS7bsqUkWEmr9ZGmC5TopQ";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_uploads_change_nothing() {
    let watched = Watched::start(&[], MEMORY);
    watched.take(all()).await;
    watched.end();
}

/// Conversions have memory of their own, which photographs need.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_logos_are_not_converted() {
    let watched = Watched::start(&[("PENTAPRISM_PINGONE_FOLLOW", "service")], MEMORY + CONVERSIONS);
    watched.take(logos(&[400])).await;
    watched.end();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_large_pictures_at_once_are_all_taken() {
    let watched = Watched::start(&[], MEMORY);
    watched.take(honest(HONEST)).await;
    watched.end();
}

/// A server whose log is read in the end.
struct Watched {
    server: ServerProcess,
    folder: TempDir,
    /// What it may have resident at its peak, in bytes.
    memory: u64,
}

impl Watched {
    fn start(environment: &[(&str, &str)], memory: u64) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let log = File::create(folder.path().join("log")).expect("the log is made");
        let server = ServerProcess::start_with_log(program(), &folder.path().join("data"), environment, log.into());
        Self { server, folder, memory }
    }

    /// Carries out all attacks, so many at a time. Every answer is one that was expected.
    async fn take(&self, attacks: Vec<Attack>) {
        let (attacks, next, server) = (Arc::new(attacks), Arc::new(AtomicUsize::new(0)), self.server.address());
        let mut workers = JoinSet::new();
        for _ in 0..AT_ONCE {
            let (attacks, next) = (Arc::clone(&attacks), Arc::clone(&next));
            workers.spawn(async move {
                let mut wrong = Vec::new();
                while let Some(attack) = attacks.get(next.fetch_add(1, Ordering::Relaxed)) {
                    wrong.extend(attack.carry_out(server).await.err());
                }
                wrong
            });
        }
        let wrong = workers.join_all().await.concat();
        assert!(wrong.is_empty(), "{} answers are wrong:\n{}", wrong.len(), wrong.join("\n"));
    }

    /// The server still takes a picture and gives it back, stayed small, complained about nothing, and left a sound store.
    fn end(self) {
        self.serves();
        let peak = self.server.peak_memory();
        assert!(self.server.stop().success(), "the server ended badly");
        let log = std::fs::read(self.folder.path().join("log")).expect("there is a log");
        let log = text(&log);
        let faults: Vec<&str> =
            log.lines().filter(|line| line.contains("panicked") || line.contains("ERROR")).collect();
        assert!(faults.is_empty(), "the log has faults:\n{log}");
        succeed(Command::new(program()).args(["fsck", "--data"]).arg(self.folder.path().join("data")));
        let Some(peak) = peak else {
            eprintln!("SKIPPED: this system does not tell the peak memory of a process");
            return;
        };
        assert!(peak < self.memory, "the server had {} MiB resident at its peak", peak >> 20);
    }

    fn serves(&self) {
        let picture = small_png();
        let file = self.folder.path().join("update.json");
        std::fs::write(&file, update(&picture)).expect("the file is written");
        let image = format!("{}/savedviews/{VIEW}/image", self.server.url());
        let curl = |arguments: &[&str]| {
            let token = ["-sS", "--fail-with-body", "-H", "Authorization: Bearer pentaprism-dev"];
            succeed(Command::new("curl").args(token).args(arguments))
        };
        curl(&["-X", "PUT", "--data-binary", &format!("@{}", file.display()), &image]);
        let answer: serde_json::Value =
            serde_json::from_str(&curl(&[&format!("{image}?size=full")])).expect("it is JSON");
        let href = answer["href"].as_str().expect("the picture has a link");
        let back = Command::new("curl").args(["-sS", "--fail-with-body", href]).output().expect("curl runs");
        assert!(back.stdout == picture, "the bytes differ");
    }
}

/// Updates with large pictures that are right. They differ in a text at their end, so that most of a body is made once.
fn honest(count: usize) -> Vec<Attack> {
    let rows = noise(5, (WIDTH as usize + 1) * HEIGHT as usize);
    let rows: Vec<u8> = rows.chunks(WIDTH as usize + 1).flat_map(|row| [&[0][..], &row[1..]].concat()).collect();
    let picture = png(&[header(WIDTH, HEIGHT, 8, 0, false), chunk(*b"IDAT", &zlib(&rows))]);
    let end = chunk(*b"IEND", &[]).len();
    let common = &picture[..(picture.len() - end) / 3 * 3];
    let beginning = format!("{{\"image\":\"data:image/png;base64,{}", STANDARD.encode(common));
    let beginning = Bytes::from(beginning);
    let body = |number: usize| {
        let different = chunk(*b"tEXt", format!("Comment\0number {number}").as_bytes());
        let rest = [&picture[common.len()..picture.len() - end], &different, &picture[picture.len() - end..]].concat();
        vec![beginning.clone(), format!("{}\"}}", STANDARD.encode(rest)).into()]
    };
    let attack = |number| {
        let sent = Sent::Whole(body(number));
        Attack { name: format!("picture {number}"), target: Target::Picture, sent, expected: &[204] }
    };
    (0..count).map(attack).collect()
}
