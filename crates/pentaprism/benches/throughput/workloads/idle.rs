//! What our server takes when nobody asks it anything.

use super::{Turn, Workload};
use crate::client::{Connection, Numbered};
use crate::contender::{Contender, Running};
use crate::figures::{Figure, Goal};
use crate::process;

const MEMORY: &str = "idle memory";

pub(super) const IDLE: Workload = Workload {
    name: "idle",
    title: "memory of a server that has answered one request",
    contenders: &[Contender::Ours],
    more: &[],
    goals: &[Goal::at_most(MEMORY, 12.0, 8.0)],
    many_files: false,
    once: false,
    run,
};

fn run(turn: &Turn<'_>) -> Vec<Figure> {
    let Running::Ours(server) = turn.start() else { panic!("only our server takes part") };
    let mut connection = Connection::open(server.address());
    connection.ask(Numbered::head("GET", "/healthz", &[]).bytes());
    connection.expect(200);
    let resident = process::resident_memory(server.id());
    Running::Ours(server).stop();
    vec![Figure::new(MEMORY, "MiB", resident)]
}
