//! Puts the functions that a server runs through at its start beside each other in the program. A page of the program that is needed brings
//! the 64 KiB around it into memory, so that functions of no more than 2 MiB took 8 of them where they lay anywhere.
//!
//! `link-order.txt` names the functions, one a line, as `cargo xtask link-order` finds them: without the hashes at the end of their names,
//! which differ from build to build. A function that it does not know, or that is gone, only costs memory.

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

const LIST: &str = "link-order.txt";

fn main() -> std::io::Result<()> {
    println!("cargo::rerun-if-changed={LIST}");
    println!("cargo::rerun-if-changed=build.rs");
    if !links_with_lld() {
        return Ok(());
    }
    let mut script = String::from("SECTIONS {\n.text.first : {\n");
    for function in fs::read_to_string(LIST)?.lines() {
        // What is marked as cold has sections of another name.
        writeln!(script, "*(.text.{function} .text.unlikely.{function})").expect("a string takes everything");
    }
    script.push_str("}\n} INSERT BEFORE .text;\n");
    let folder = env::var_os("OUT_DIR").expect("cargo names it for every build script");
    let path = Path::new(&folder).join("link-order.ld");
    fs::write(&path, script)?;
    println!("cargo::rustc-link-arg-bins=-Xlinker");
    println!("cargo::rustc-link-arg-bins=--script={}", path.display());
    Ok(())
}

/// Whether rustc brings the linker itself: other linkers understand the script in another way. Only where it pays, which is in a release.
fn links_with_lld() -> bool {
    let is = |variable: &str, value: &str| env::var(variable).is_ok_and(|found| found == value);
    let is_chosen = env::var_os("RUSTC_LINKER").is_some()
        || env::var("CARGO_ENCODED_RUSTFLAGS").is_ok_and(|flags| flags.contains("link"));
    is("TARGET", "x86_64-unknown-linux-gnu") && is("PROFILE", "release") && !is_chosen
}
