mod cases;
mod confirm;
mod gitops;
mod large;
mod random;
mod unseen;
mod versions;
mod world;
