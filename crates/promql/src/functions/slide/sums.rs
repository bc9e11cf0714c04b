use super::exact::Exact;
use super::{Scratch, Slide, lanes, point};
use crate::functions::over_time::{Mean, Sum, Variance};
use crate::value::Point;

/// From so many numbers in all ranges for each number of the series on, exact sums are less work.
const MANY: usize = 6;

/// The sum of each range.
pub(super) fn sum(slide: &Slide<'_>, scratch: &mut Scratch, out: &mut Vec<Point>) {
    let Scratch { values, sums, .. } = scratch;
    let values = slide.values(values);
    match exact(slide, values, sums) {
        Some(exact) => out.extend(slide.places.iter().map(|place| point(place, exact.sum(place)))),
        None => lanes::fold(values, slide.places, Sum::default(), Sum::add, |place, sum| {
            out.push(point(place, sum.value()));
        }),
    }
}

/// The mean of each range.
pub(super) fn avg(slide: &Slide<'_>, scratch: &mut Scratch, out: &mut Vec<Point>) {
    let Scratch { values, sums, .. } = scratch;
    let values = slide.values(values);
    match exact(slide, values, sums) {
        Some(exact) if exact.is_whole() => {
            out.extend(slide.places.iter().map(|place| point(place, exact.sum(place) / place.len() as f64)));
        }
        // The mean is that of the running sum and that of its compensation: it matters how the sum is split.
        Some(exact) => lanes::fold(
            values,
            slide.places,
            0.0,
            |sum, value| *sum += value,
            |place, sum| {
                let count = place.len() as f64;
                out.push(point(place, sum / count + exact.rest(place, sum) / count));
            },
        ),
        None => lanes::fold(values, slide.places, Mean::default(), Mean::add, |place, mean| {
            out.push(point(place, mean.value()));
        }),
    }
}

/// Something of the variance of each range.
pub(super) fn variance(slide: &Slide<'_>, of: impl Fn(f64) -> f64, scratch: &mut Scratch, out: &mut Vec<Point>) {
    let values = slide.values(&mut scratch.values);
    lanes::fold(values, slide.places, Variance::default(), Variance::add, |place, variance| {
        out.push(point(place, of(variance.value())));
    });
}

fn exact<'a>(slide: &Slide<'_>, values: &[f64], room: &'a mut Vec<i128>) -> Option<Exact<'a>> {
    let lengths = slide.places.iter().map(|place| place.len());
    let (longest, all) = lengths.fold((0, 0), |(longest, all): (usize, usize), len| (longest.max(len), all + len));
    if all < MANY.saturating_mul(values.len()) {
        return None;
    }
    Exact::of(values, longest, room)
}
