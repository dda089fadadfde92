//! Plays every exchange against the client bindings and against the codec. The server has its turn in the program's tests.

use std::process::ExitCode;

use pentaprism_testkit::drive::{Drive, play};
use pentaprism_testkit::{exchange, harness};

fn main() -> ExitCode {
    harness::run(
        &exchange::root(),
        &[
            ("client", |found| play(Drive::Client, found).map_err(|error| error.to_string())),
            ("codec", |found| play(Drive::Codec, found).map_err(|error| error.to_string())),
        ],
    )
}
