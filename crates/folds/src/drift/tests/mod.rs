mod cases;
mod random;
mod unseen;
mod world;
