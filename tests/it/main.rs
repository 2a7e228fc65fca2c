//! The terminal from outside: a whole simulated terminal, its real HTTP port, real photos, real models.

mod crash;
mod load;
mod passage;
mod push;
mod rig;
mod wiegand;
