//! The real program over real sockets, called by the clients of the field, killed, and looked at from outside.

mod azure_sphere;
mod azure_sphere_package;
mod clients;
mod command_line;
mod hostile;
mod hostile_attacks;
mod hostile_pictures;
mod hostile_wire;
mod kill;
mod memory;
mod pictures;
mod pingone;
mod ports;
mod readme;
mod saved_views;
mod support;
