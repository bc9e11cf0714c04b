mod cases;
mod confirm;
mod random;
mod unseen;
mod world;
