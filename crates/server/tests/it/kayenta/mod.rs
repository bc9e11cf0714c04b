//! Kayenta's API as its clients ask it: exact bodies, Argo Rollouts' requests one after the other, restarts.

mod argo;
mod configs;
mod judging;
mod restarts;
mod scene;
mod standalone;
