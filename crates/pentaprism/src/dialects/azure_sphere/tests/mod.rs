mod package;
mod packages;
