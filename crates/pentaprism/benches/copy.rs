//! `cargo xtask bench copy`: `pentaprism cp` beside `curl`, by turns, with the same file and the same server, there and back.
//!
//! Each copy is compared with the file, byte by byte. The file has 2 GiB unless an argument such as `--mib=256` says otherwise.

#![allow(clippy::print_stdout, reason = "the table is what the command is for")]

use std::cell::Cell;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use pentaprism_testkit::server_process::ServerProcess;

/// How often each is taken, by turns; the median counts.
const RUNS: usize = 3;
/// How often the memory of a running program is looked at. What it shows is the peak so far, so that only the last moments are missed.
const LOOK: Duration = Duration::from_millis(5);
/// The image that is downloaded.
const IMAGE: &str = "00000000-0000-4000-8000-000000000000";

/// A copy, by us and by curl.
struct Workload {
    name: &'static str,
    ours: fn(&Bench) -> Command,
    curl: fn(&Bench) -> Command,
    /// Whether what arrived is in the file `arrived`.
    arrives: bool,
}

struct Bench {
    folder: PathBuf,
    url: String,
    /// Images made so far: each upload gets a new one.
    images: Cell<u32>,
}

const WORKLOADS: [Workload; 6] = [
    Workload {
        name: "sf-upload",
        ours: |bench| bench.copy(&["file", "sf:copy.bin"]),
        curl: |bench| bench.curl(&["-T", "file"], "/ImageStore/curl.bin?api-version=6.0"),
        arrives: false,
    },
    Workload {
        name: "sf-upload-from-pipe",
        ours: |bench| bench.fed(&["-", "sf:put.bin"]),
        curl: |bench| bench.curl(&["-T", "file"], "/ImageStore/curl.bin?api-version=6.0"),
        arrives: false,
    },
    Workload {
        name: "sf-download",
        ours: |bench| bench.copy(&["sf:given.bin", "arrived"]),
        curl: |bench| bench.curl(&["-o", "arrived"], "/ImageStore/given.bin/$/Download?api-version=6.0"),
        arrives: true,
    },
    Workload {
        name: "glance-upload",
        ours: |bench| bench.copy(&["file", "glance:bench"]),
        curl: |bench| bench.fill_image(&bench.new_image()),
        arrives: false,
    },
    Workload {
        name: "glance-upload-verified",
        ours: |bench| bench.copy(&["--verify", "file", "glance:bench"]),
        curl: |bench| bench.fill_image(&bench.new_image()),
        arrives: false,
    },
    Workload {
        name: "glance-download",
        ours: |bench| bench.copy(&[&format!("glance:{IMAGE}"), "arrived"]),
        curl: |bench| bench.curl_glance(&["-o", "arrived"], IMAGE),
        arrives: true,
    },
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mib = arguments.iter().find_map(|argument| argument.strip_prefix("--mib=")?.parse().ok()).unwrap_or(2048_u64);
    let wanted: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with("--")).collect();
    let temporary = tempfile::tempdir().expect("a temporary folder");
    let data = temporary.path().join("data");
    std::fs::create_dir(&data).expect("a folder can be made");
    let server = ServerProcess::start(Path::new(env!("CARGO_BIN_EXE_pentaprism")), &data, &[]);
    let bench = Bench { folder: temporary.path().to_owned(), url: server.url(), images: Cell::new(0) };
    bench.prepare(mib);
    println!("{:<24} {:>12} {:>12} {:>8} {:>12}", "workload", "pentaprism", "curl", "ratio", "peak memory");
    for workload in &WORKLOADS {
        if wanted.is_empty() || wanted.iter().any(|word| *word == workload.name) {
            bench.measure(workload, mib);
        }
    }
    assert!(server.stop().success(), "the server ended badly");
}

impl Bench {
    fn measure(&self, workload: &Workload, mib: u64) {
        let (mut ours, mut curl, mut peak) = (Vec::new(), Vec::new(), 0);
        for _ in 0..RUNS {
            for ours_turn in [false, true] {
                let _may_be_missing = std::fs::remove_file(self.folder.join("arrived"));
                let command = if ours_turn { (workload.ours)(self) } else { (workload.curl)(self) };
                settle();
                let (took, memory) = run(command);
                if ours_turn {
                    ours.push(took);
                    peak = peak.max(memory);
                } else {
                    curl.push(took);
                }
                if workload.arrives {
                    self.compare();
                }
            }
        }
        let rate = |mut times: Vec<f64>| {
            times.sort_by(f64::total_cmp);
            // Sizes in MiB are far below where a float loses whole numbers.
            f64::from(u32::try_from(mib).expect("a file of a few GiB")) / times[times.len() / 2]
        };
        let (ours, curl) = (rate(ours), rate(curl));
        println!(
            "{:<24} {:>6.0} MiB/s {:>6.0} MiB/s {:>8.2} {:>8} MiB",
            workload.name,
            ours,
            curl,
            ours / curl,
            peak >> 10
        );
    }

    fn copy(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pentaprism"));
        command.current_dir(&self.folder).arg("cp").arg("--quiet").args(arguments);
        command.env("PENTAPRISM_SERVER", &self.url).env("PENTAPRISM_TOKEN", "pentaprism-dev");
        command.env("XDG_STATE_HOME", self.folder.join("state"));
        command
    }

    /// A copy of what comes through standard input.
    fn fed(&self, arguments: &[&str]) -> Command {
        let mut command = self.copy(arguments);
        command.stdin(File::open(self.folder.join("file")).expect("it was made"));
        command
    }

    fn curl(&self, arguments: &[&str], path: &str) -> Command {
        let mut command = Command::new("curl");
        command.current_dir(&self.folder).args(["--fail", "-sS"]).args(arguments).arg(format!("{}{path}", self.url));
        command
    }

    fn curl_glance(&self, arguments: &[&str], image: &str) -> Command {
        let mut command = self.curl(arguments, &format!("/v2/images/{image}/file"));
        command.args(["-H", "X-Auth-Token: pentaprism-dev"]);
        command
    }

    fn fill_image(&self, image: &str) -> Command {
        self.curl_glance(&["-T", "file", "-H", "Content-Type: application/octet-stream"], image)
    }

    /// An image without bytes, whose making is not measured.
    fn new_image(&self) -> String {
        self.images.set(self.images.get() + 1);
        let image = format!("11111111-1111-4111-8111-{:012}", self.images.get());
        self.make_image(&image);
        image
    }

    fn make_image(&self, image: &str) {
        let record = format!(r#"{{"id":"{image}","disk_format":"raw","container_format":"bare"}}"#);
        let headers = ["-H", "X-Auth-Token: pentaprism-dev", "-H", "Content-Type: application/json"];
        run(self.curl(&[&headers[..], &["-d", &record]].concat(), "/v2/images"));
    }

    /// The file, and what is downloaded.
    fn prepare(&self, mib: u64) {
        let mut file = File::create(self.folder.join("file")).expect("it can be made");
        let mut random = File::open("/dev/urandom").expect("there is one").take(mib << 20);
        std::io::copy(&mut random, &mut file).expect("there is room");
        run(self.curl(&["-T", "file"], "/ImageStore/given.bin?api-version=6.0"));
        self.make_image(IMAGE);
        run(self.fill_image(IMAGE));
    }

    /// What arrived is the file.
    fn compare(&self) {
        let mut compare = Command::new("cmp");
        let same = compare.current_dir(&self.folder).args(["file", "arrived"]).status().expect("cmp runs");
        assert!(same.success(), "other bytes arrived");
    }
}

/// Lets the disk finish what the run before left to it.
fn settle() {
    let settled = Command::new("sync").status().expect("sync runs");
    assert!(settled.success(), "sync failed");
}

/// Runs a command that succeeds. Gives its seconds, and the most memory it was seen with, in KiB.
fn run(mut command: Command) -> (f64, u64) {
    let began = Instant::now();
    let mut child = command.stdout(Stdio::null()).spawn().expect("the program is there");
    let mut peak = 0;
    let ended = loop {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let now = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
        peak = peak.max(now.unwrap_or_default());
        if let Some(ended) = child.try_wait().expect("it can be waited for") {
            break ended;
        }
        std::thread::sleep(LOOK);
    };
    assert!(ended.success(), "{command:?} failed");
    (began.elapsed().as_secs_f64(), peak)
}
