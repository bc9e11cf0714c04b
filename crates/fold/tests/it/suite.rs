use fold::Fold;
use fold::suite::{self, Broken, Case};

use crate::ledger::{Fault, Ledger};
use crate::toy::{Bug, Toy, history};

async fn verdict(bug: Bug, seed: u64) -> Result<(), Broken> {
    let make = move || vec![Box::new(Toy::new(bug)) as Box<dyn Fold>];
    suite::all(&Case { make: &make, inputs: history(seed, 40), seed }).await
}

#[tokio::test]
async fn a_good_fold_passes() {
    for seed in 0..4 {
        verdict(Bug::None, seed).await.unwrap();
    }
}

#[tokio::test]
async fn an_empty_history_passes() {
    let make = || vec![Box::new(Toy::new(Bug::None)) as Box<dyn Fold>];
    suite::all(&Case { make: &make, inputs: Vec::new(), seed: 1 }).await.unwrap();
}

#[tokio::test]
async fn each_bug_is_noticed() {
    for bug in [Bug::Forgets, Bug::KeepsHalf, Bug::Impure] {
        assert!(verdict(bug, 1).await.is_err(), "{bug:?}");
    }
}

/// Beside a fold that is saved as a whole.
async fn in_parts(fault: Fault, seed: u64) -> Result<(), Broken> {
    let make = move || vec![Box::new(Ledger::new(fault)) as Box<dyn Fold>, Box::new(Toy::new(Bug::None))];
    suite::all(&Case { make: &make, inputs: history(seed, 60), seed }).await
}

#[tokio::test]
async fn a_good_fold_in_parts_passes() {
    for seed in 0..6 {
        in_parts(Fault::None, seed).await.unwrap();
    }
}

#[tokio::test]
async fn each_fault_of_parts_is_noticed() {
    for fault in [Fault::Silent, Fault::Clings, Fault::Mixes, Fault::Skips] {
        let mut noticed = false;
        for seed in 0..6 {
            noticed |= in_parts(fault, seed).await.is_err();
        }
        assert!(noticed, "{fault:?}");
    }
}
