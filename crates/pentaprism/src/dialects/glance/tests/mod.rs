//! Driven
