use super::{Scratch, Slide, point};
use crate::annotations::Note;
use crate::functions::quantiles::{order, quantile_in_order};
use crate::storage::FloatSample;
use crate::value::Point;

/// A quantile of each range, of whose numbers those that stay are not sorted again.
pub(super) fn quantile(slide: &Slide<'_>, scratch: &mut Scratch, out: &mut Vec<Point>) {
    let values = &mut scratch.values;
    values.clear();
    let mut held = (0, 0);
    for place in slide.places {
        let q = slide.params.first().and_then(|qs| qs.get(place.step)).copied().unwrap_or(f64::NAN);
        if !(0.0..=1.0).contains(&q) {
            (slide.context.note)(Note::quantile(slide.context.first_span, q));
        }
        move_to(slide.samples, values, held, place.floats);
        held = place.floats;
        out.push(point(place, quantile_in_order(q, values)));
    }
}

/// Makes the sorted numbers of one range those of a later one.
fn move_to(samples: &[FloatSample], sorted: &mut Vec<f64>, held: (usize, usize), wanted: (usize, usize)) {
    let values = |from: usize, to: usize| samples.get(from..to).unwrap_or_default().iter().map(|sample| sample.value);
    let stay = held.1.saturating_sub(wanted.0);
    if stay < wanted.1 - held.1 {
        sorted.clear();
        sorted.extend(values(wanted.0, wanted.1));
        sorted.sort_by(order);
        return;
    }
    for gone in values(held.0, wanted.0) {
        let at = sorted.partition_point(|value| order(value, &gone).is_lt());
        if at < sorted.len() {
            sorted.remove(at);
        }
    }
    for new in values(held.1, wanted.1) {
        let at = sorted.partition_point(|value| order(value, &new).is_lt());
        sorted.insert(at, new);
    }
}
