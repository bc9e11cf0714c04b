mod cases;
mod gitops;
mod random;
mod unseen;
mod versions;
mod world;
