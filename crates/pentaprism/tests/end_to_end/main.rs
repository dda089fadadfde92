//! The real program over real sockets, called by the clients of the field, killed, and looked at from outside.

mod clients;
mod command_line;
mod kill;
mod memory;
mod ports;
mod readme;
mod support;
