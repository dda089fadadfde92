//! The half of the store that takes decisions: what every engine for rows must do.
