//! Small plots, as SVG without scripts.

use maud::{Markup, html};

const WIDTH: f64 = 600.0;
const HEIGHT: f64 = 120.0;
/// More points are thinned out: there are no more pixels.
const POINTS: usize = 300;

/// A line.
pub struct Line {
    /// What it is called.
    pub name: &'static str,
    /// How it looks.
    pub class: &'static str,
    /// Its points, from left to right.
    pub points: Vec<(f64, f64)>,
}

/// What a plot shows: x counts intervals.
pub struct Plot {
    /// What it is, for who cannot see it.
    pub title: String,
    /// Its lines.
    pub lines: Vec<Line>,
    /// A band: x, its lower and its upper edge.
    pub band: Vec<(f64, f64, f64)>,
    /// Horizontal lines: what each is called, and where it is.
    pub marks: Vec<(String, f64)>,
    /// What is beyond is drawn at the edge.
    pub within: (f64, f64),
}

impl Plot {
    /// The plot; nothing if there is nothing to show.
    pub fn render(&self) -> Markup {
        let (left, right) = self.across();
        let (low, high) = self.range();
        let x = |at: f64| (at - left) / (right - left).max(1.0) * WIDTH;
        let y = |at: f64| HEIGHT - (at.clamp(low, high) - low) / (high - low) * HEIGHT;
        let place = |(at, value): (f64, f64)| format!("{:.1},{:.1}", x(at), y(value));
        let path = |points: &[(f64, f64)]| thin(points).into_iter().map(place).collect::<Vec<_>>().join(" ");
        let edge =
            |of: fn(&(f64, f64, f64)) -> f64| self.band.iter().map(|point| (point.0, of(point))).collect::<Vec<_>>();
        let (mut outline, upper) = (thin(&edge(|point| point.1)), thin(&edge(|point| point.2)));
        outline.extend(upper.into_iter().rev());
        html! {
            @if self.lines.iter().any(|line| line.points.len() > 1) {
                svg class="plot" viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-label=(self.title) preserveAspectRatio="none" {
                    @if outline.len() > 2 {
                        polygon class="band" points=(outline.into_iter().map(place).collect::<Vec<_>>().join(" ")) {}
                    }
                    @for (name, at) in &self.marks {
                        line class="mark" x1="0" x2=(WIDTH) y1=(format!("{:.1}", y(*at))) y2=(format!("{:.1}", y(*at))) { title { (name) } }
                    }
                    @for Line { name, class, points } in &self.lines {
                        polyline class=(class) points=(path(points)) { title { (name) } }
                    }
                }
                (self.legend(low, high))
            }
        }
    }

    /// What each line is, and how far the plot goes upwards.
    fn legend(&self, low: f64, high: f64) -> Markup {
        html! {
            p class="legend" {
                @for Line { name, class, .. } in &self.lines { span class=(class) { (name) } }
                @if self.band.len() > 1 { span class="band" { "its bounds" } }
                @for (name, at) in &self.marks { span class="mark" { (name) " " (short(*at)) } }
                span class="range" { "from " (short(low)) " to " (short(high)) }
            }
        }
    }

    fn across(&self) -> (f64, f64) {
        let points = self.lines.iter().flat_map(|line| &line.points).map(|point| point.0);
        points.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), at| (low.min(at), high.max(at)))
    }

    /// What is shown upwards: all there is, within the bounds, and the marks.
    fn range(&self) -> (f64, f64) {
        let (least, most) = self.within;
        let lines = self.lines.iter().flat_map(|line| &line.points).map(|point| point.1);
        let all = lines.chain(self.marks.iter().map(|(_, at)| *at)).filter(|value| value.is_finite());
        let (low, high) = all.fold((0.0_f64, 0.0_f64), |(low, high), value| (low.min(value), high.max(value)));
        let (low, high) = (low.max(least), high.min(most));
        (low, if high > low { high + (high - low) * 0.05 } else { low + 1.0 })
    }
}

/// A number as a legend has it: two digits behind the point at most.
fn short(value: f64) -> String {
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// So many points at most, the last among them.
fn thin(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let step = points.len().div_ceil(POINTS).max(1);
    let finite = |point: &&(f64, f64)| !point.1.is_nan();
    points.iter().rev().step_by(step).filter(finite).copied().collect::<Vec<_>>().into_iter().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot(points: Vec<(f64, f64)>, band: Vec<(f64, f64, f64)>) -> String {
        let lines = vec![Line { name: "evidence", class: "fail", points }];
        let marks = vec![("needed".to_owned(), 1.0)];
        Plot { title: "a <b>".to_owned(), lines, band, marks, within: (-2.0, 4.0) }.render().into_string()
    }

    #[test]
    fn what_is_shown_stays_within_the_plot_and_is_text() {
        let svg = plot(
            vec![(0.0, 0.0), (1.0, 1e300), (2.0, f64::NAN), (3.0, -1e9)],
            vec![(0.0, f64::NEG_INFINITY, 1.0), (3.0, 0.0, f64::INFINITY)],
        );
        assert!(svg.contains("a &lt;b&gt;") && !svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        let polyline =
            svg.split("polyline").nth(1).unwrap().split("points=\"").nth(1).unwrap().split('"').next().unwrap();
        let places: Vec<f64> = polyline.split([' ', ',']).map(|number| number.parse().unwrap()).collect();
        assert!(places.iter().all(|place| (0.0..=WIDTH).contains(place)), "{places:?}");
    }

    #[test]
    fn a_legend_names_each_line_and_says_how_far_the_plot_goes() {
        let svg = plot(vec![(0.0, -0.5), (1.0, 1.5)], vec![(0.0, 0.0, 1.0), (1.0, 0.0, 1.0)]);
        let legend = svg.split("class=\"legend\"").nth(1).unwrap();
        let parts = [">evidence<", ">its bounds<", ">needed 1<", ">from -0.5 to 1.6<"];
        assert!(parts.iter().all(|part| legend.contains(part)), "{legend}");
        assert_eq!([short(-0.001), short(0.1), short(10.0)], ["0", "0.1", "10"]);
    }

    #[test]
    fn many_points_are_thinned_out_and_one_is_no_line() {
        let many: Vec<(f64, f64)> = (0..5_000).map(|n| (f64::from(n), f64::from(n % 7))).collect();
        let thinned = thin(&many);
        assert!(thinned.len() <= POINTS && thinned.last() == many.last());
        assert_eq!(plot(vec![(0.0, 1.0)], Vec::new()), "");
    }
}
