//! `cargo bench -p pentaprism --bench thumbnail`: the thumbnail of a photograph, on one core, beside `vipsthumbnail`.
//!
//! Both make a PNG that fits into 400 × 400 pixels of the same PNG. libvips is measured as a process for each picture, and
//! fairly, as one process for many, where its start counts little; and once more with the cheapest compression, since how
//! hard to compress is a choice. Rounds alternate between all of them, and the medians count. Without `vipsthumbnail`
//! (Debian: `libvips-tools`) only our own figures are printed.

#![allow(clippy::print_stdout, reason = "the table is what the command is for")]

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use pentaprism::pictures::{Pool, PoolLimits, USUAL_FIT, USUAL_MAX_PIXELS};
use tokio::runtime::{Builder, Runtime};

/// How often everything is measured.
const ROUNDS: usize = 9;

/// Pictures in one process of libvips, and in one round of ours.
const PICTURES: u32 = 20;

/// Sizes of the photographs: the one that the goal names, and one of twelve million pixels.
const SIZES: [(u32, u32); 2] = [(1152, 864), (4032, 3024)];

fn main() {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime can be built");
    println!("{:<12} {:<34} {:>10} {:>8} {:>12}", "photograph", "thumbnail", "median", "ratio", "bytes");
    for (width, height) in SIZES {
        let photograph = Photograph::new(width, height);
        let name = format!("{width}x{height}");
        let contestants = photograph.contestants(&runtime);
        let mut times = vec![Vec::new(); contestants.len()];
        for _ in 0..ROUNDS {
            for (contestant, times) in contestants.iter().zip(&mut times) {
                times.push((contestant.run)());
            }
        }
        let medians: Vec<Duration> = times.iter_mut().map(|times| median(times)).collect();
        for (contestant, median) in contestants.iter().zip(&medians) {
            let ratio = median.as_secs_f64() / medians[0].as_secs_f64();
            let milliseconds = format!("{:.1} ms", median.as_secs_f64() * 1e3);
            let bytes = (contestant.bytes)();
            println!("{name:<12} {:<34} {milliseconds:>10} {ratio:>8.2} {bytes:>12}", contestant.name);
        }
    }
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// One way of making a thumbnail.
struct Contestant<'a> {
    name: &'static str,
    /// Makes it, or several of them, and says how long one took.
    run: Box<dyn Fn() -> Duration + 'a>,
    /// The length of the result.
    bytes: Box<dyn Fn() -> usize + 'a>,
}

/// A PNG in memory and, under several names, in a folder.
struct Photograph {
    png: Bytes,
    folder: tempfile::TempDir,
    files: Vec<PathBuf>,
}

impl Photograph {
    fn new(width: u32, height: u32) -> Self {
        let png = photograph(width, height);
        let folder = tempfile::tempdir().expect("a temporary folder");
        let files: Vec<PathBuf> = (0..PICTURES).map(|number| folder.path().join(format!("{number}.png"))).collect();
        for file in &files {
            std::fs::write(file, &png).expect("the temporary folder can be written");
        }
        Self { png: png.into(), folder, files }
    }

    fn contestants<'a>(&'a self, runtime: &'a Runtime) -> Vec<Contestant<'a>> {
        let pool = Pool::new(PoolLimits { workers: NonZeroUsize::MIN, ..PoolLimits::default() });
        let ours = move || {
            let thumbnail = pool.thumbnail(self.png.clone(), USUAL_FIT, USUAL_MAX_PIXELS);
            runtime.block_on(thumbnail).expect("the photograph is a PNG").bytes.len()
        };
        let timed = ours.clone();
        let mut contestants = vec![Contestant {
            name: "ours",
            run: Box::new(move || {
                each(PICTURES, || {
                    for _ in 0..PICTURES {
                        timed();
                    }
                })
            }),
            bytes: Box::new(ours),
        }];
        if Command::new("vipsthumbnail").arg("--version").stdout(Stdio::null()).status().is_ok() {
            contestants.push(self.vips("vipsthumbnail, a process each", 1, ""));
            contestants.push(self.vips("vipsthumbnail, 20 in a process", self.files.len(), ""));
            contestants.push(self.vips("the same, compression 1", self.files.len(), "[compression=1]"));
        }
        contestants
    }

    fn vips<'a>(&'a self, name: &'static str, files: usize, options: &'static str) -> Contestant<'a> {
        let run = move || vipsthumbnail(&self.files[..files], options);
        let count = u32::try_from(files).expect("a handful of files");
        let result = self.folder.path().join("0_small.png");
        let bytes = move || {
            run();
            usize::try_from(result.metadata().map_or(0, |metadata| metadata.len())).expect("a small file")
        };
        Contestant { name, run: Box::new(move || each(count, run)), bytes: Box::new(bytes) }
    }
}

fn each(count: u32, run: impl Fn()) -> Duration {
    let begin = Instant::now();
    run();
    begin.elapsed() / count
}

/// libvips with one thread, held to one processor where `taskset` exists.
fn vipsthumbnail(files: &[PathBuf], options: &str) {
    let pinned = Path::new("/usr/bin/taskset").exists();
    let mut command = if pinned { Command::new("/usr/bin/taskset") } else { Command::new("vipsthumbnail") };
    if pinned {
        command.args(["-c", "0", "vipsthumbnail"]);
    }
    let size = format!("{USUAL_FIT}x{USUAL_FIT}>");
    command.args(["--size", &size, "-o", &format!("%s_small.png{options}")]).args(files).env("VIPS_CONCURRENCY", "1");
    assert!(command.status().expect("vipsthumbnail starts").success(), "vipsthumbnail failed");
}

/// Something that compresses like a photograph: soft shapes of every size, and the noise of a sensor.
fn photograph(width: u32, height: u32) -> Vec<u8> {
    let mut pixels = Vec::new();
    for (x, y) in (0..height).flat_map(|y| (0..width).map(move |x| (x, y))) {
        for channel in 0..3 {
            let mut light = 90.0;
            for (octave, strength) in (0..7).zip([110.0, 60.0, 30.0, 16.0, 8.0, 4.0, 2.0]) {
                light += strength * smooth(x, y, 512 >> octave, channel + 8 * octave);
            }
            // Alike in all channels, with a little colour.
            light += 4.0 * random(x, y, 100) + 1.5 * random(x, y, 101 + channel);
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to a byte")]
            pixels.push(light.clamp(0.0, 255.0) as u8);
        }
    }
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgb);
    let mut writer = encoder.write_header().expect("memory takes every byte");
    writer.write_image_data(&pixels).expect("three samples for each pixel");
    writer.finish().expect("memory takes every byte");
    bytes
}

/// A number between -1 and 1 that looks random and is always the same.
fn random(x: u32, y: u32, seed: u32) -> f64 {
    let mut state = x.wrapping_mul(0x9E37_79B1) ^ y.wrapping_mul(0x85EB_CA77) ^ seed.wrapping_mul(0xC2B2_AE3D);
    for _ in 0..2 {
        state = (state ^ (state >> 15)).wrapping_mul(0x2C1B_3C6D);
        state ^= state >> 12;
    }
    f64::from(state) / f64::from(u32::MAX) * 2.0 - 1.0
}

/// Random numbers at the corners of squares, and in between something in between.
fn smooth(x: u32, y: u32, square: u32, seed: u32) -> f64 {
    let (column, line) = (x / square, y / square);
    let along = |at: u32| f64::from(at % square) / f64::from(square);
    let between = |from: f64, to: f64, at: f64| from + (to - from) * at * at * (3.0 - 2.0 * at);
    let row = |line| between(random(column, line, seed), random(column + 1, line, seed), along(x));
    between(row(line), row(line + 1), along(y))
}
