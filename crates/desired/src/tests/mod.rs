mod host;
mod world;
