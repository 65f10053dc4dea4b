//! The registration of detectors, one line each. Their names, their order, their construction,
//! their tables in the configuration and their shares of the budget of false alarms follow from it.

/// Makes the registry of detectors from their lines:
///
/// ```text
/// /// What it finds.
/// Burst after Spread = "burst" in burst: statistical, explainable;
/// ```
///
/// The type `Burst` in the module `burst` implements `Registered` and is called `burst` in
/// findings, metrics and configuration. It is `statistical` when it tests hypotheses, and so shares
/// the budget of false alarms; `statistical_twice` with tests of two kinds. It is `explainable`
/// when its incidents are about what happens at their key, so that a rule that explains what
/// happens there explains the incident. It comes `after` the detectors whose `Prior` it reads.
macro_rules! detectors {
    (
        names $Name:ident, options $Options:ident;
        $(
            $(#[doc = $doc:literal])*
            $Detector:ident $(after $($earlier:ident),+)? = $name:literal in $module:ident $(: $($property:ident),+)? ;
        )+
    ) => {
        /// Who found it; the label `detector` of the metrics.
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
            schemars::JsonSchema,
        )]
        #[repr(u8)]
        pub enum $Name {
            $(
                $(#[doc = $doc])*
                #[serde(rename = $name)]
                $Detector,
            )+
            /// A user's or shipped rule.
            #[serde(rename = "rule")]
            Rule,
        }

        impl $Name {
            /// All detectors, in the order of their numbers.
            pub const ALL: [Self; [$($name,)+ "rule"].len()] = [$(Self::$Detector,)+ Self::Rule];

            /// Kinds of tests of all of them, which share the budget of false alarms.
            pub const KINDS_OF_TESTS: usize = {
                let (mut count, mut i) = (0, 0);
                while i < Self::ALL.len() {
                    count += Self::ALL[i].properties().tests as usize;
                    i += 1;
                }
                count
            };

            /// All detectors in the order in which they take an event: each as it is registered,
            /// but behind those that it comes after.
            pub const ORDER: [usize; Self::ALL.len() - 1] =
                $crate::engine::detector::registry::order([$(&[$($(Self::$earlier as usize),+)?]),+]);

            /// Its name in findings, metrics and the configuration.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$Detector => $name,)+
                    Self::Rule => "rule",
                }
            }

            /// What it finds, in a sentence.
            #[must_use]
            pub const fn finds(self) -> &'static str {
                match self {
                    $(Self::$Detector => concat!($($doc),*).trim_ascii(),)+
                    Self::Rule => "What the rules look for.",
                }
            }

            /// Its line in the registration.
            #[must_use]
            pub const fn properties(self) -> $crate::engine::detector::registry::Properties {
                use $crate::engine::detector::registry::Properties;
                match self {
                    $(Self::$Detector => Properties::NONE$($(.$property())+)?,)+
                    Self::Rule => Properties::NONE,
                }
            }
        }

        /// `[detector]` and `[detector.…]`
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        #[serde(default, deny_unknown_fields)]
        pub struct $Options {
            #[doc = " How many false alarms a day the whole filter may have; thresholds that are not set follow"]
            #[doc = " from it."]
            #[schemars(transform = $crate::engine::detector::options::FALSE_ALARMS_PER_DAY.range())]
            pub false_alarms_per_day: f64,
            $(
                #[doc = concat!("`[detector.", $name, "]`")]
                #[serde(rename = $name)]
                pub $module: <$module::$Detector as $crate::engine::detector::Registered>::Options,
            )+
        }

        impl Default for $Options {
            fn default() -> Self {
                Self {
                    false_alarms_per_day: $crate::engine::detector::options::FALSE_ALARMS_PER_DAY.default,
                    $($module: Default::default(),)+
                }
            }
        }

        impl $Options {
            /// The detectors that have something to watch, in the order in which they take events.
            #[must_use]
            pub fn detectors(&self, keys: usize) -> Vec<Box<dyn $crate::engine::detector::Detector>> {
                use $crate::engine::detector::options::{Options, SharedOptions};
                use $crate::engine::detector::{Detector, Registered};
                let shared = SharedOptions { keys, budget: self.budget() };
                let mut made = [$(
                    self.$module.watches().then(|| {
                        Box::new(<$module::$Detector as Registered>::new(&self.$module, shared)) as Box<dyn Detector>
                    }),
                )+];
                $Name::ORDER.iter().filter_map(|&number| made[number].take()).collect()
            }

            /// What each detector judges and from when on, in the order in which they take events,
            /// and whether it watches at all.
            #[must_use]
            pub fn judged(&self) -> Vec<($Name, bool, Vec<$crate::engine::detector::judged::JudgedFrom>)> {
                use $crate::engine::detector::options::Options;
                let mut all = [$(Some(($Name::$Detector, self.$module.watches(), self.$module.judged())),)+];
                $Name::ORDER.iter().filter_map(|&number| all[number].take()).collect()
            }

            fn budget(&self) -> $crate::engine::stats::alarm_budget::AlarmBudget {
                $crate::engine::stats::alarm_budget::AlarmBudget::new(self.false_alarms_per_day)
            }

            /// Checks what is no range of a setting.
            pub fn check(&self, require: &mut $crate::setting::Require<'_>) {
                use $crate::engine::detector::options::Options;
                $(self.$module.check(concat!("detector.", $name), require);)+
            }
        }
    };
}
pub(crate) use detectors;

/// A detector's line in the registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Properties {
    /// Kinds of hypotheses that the detector tests; each has a share of the budget of false alarms.
    pub tests: u8,
    /// True when its incidents are about what happens at their key, so that a rule that explains
    /// what happens there explains them. Silence is about what does not happen.
    pub explainable: bool,
}

impl Properties {
    /// A detector without properties.
    pub const NONE: Self = Self { tests: 0, explainable: false };

    /// The detector tests hypotheses.
    #[must_use]
    pub const fn statistical(self) -> Self {
        Self { tests: 1, ..self }
    }

    /// The detector tests hypotheses of two kinds.
    #[must_use]
    pub const fn statistical_twice(self) -> Self {
        Self { tests: 2, ..self }
    }

    /// Its incidents are about what happens at their key.
    #[must_use]
    pub const fn explainable(self) -> Self {
        Self { explainable: true, ..self }
    }
}

/// Sorts by the given order, but each behind those that it comes `after`. A circle does not
/// compile.
pub const fn order<const N: usize>(after: [&[usize]; N]) -> [usize; N] {
    let (mut order, mut placed) = ([N; N], 0);
    let mut next = 0;
    while next < N {
        placed = place(next, &after, &mut order, placed, N);
        next += 1;
    }
    order
}

/// Places `this` behind what it comes after, unless it is placed already; returns how many are
/// placed.
const fn place<const N: usize>(
    this: usize,
    after: &[&[usize]; N],
    order: &mut [usize; N],
    mut placed: usize,
    depth: usize,
) -> usize {
    let mut i = 0;
    while i < placed {
        if order[i] == this {
            return placed;
        }
        i += 1;
    }
    assert!(depth > 0, "detectors that come after each other in a circle");
    let mut i = 0;
    while i < after[this].len() {
        placed = place(after[this][i], after, order, placed, depth - 1);
        i += 1;
    }
    order[placed] = this;
    placed + 1
}

#[cfg(test)]
mod tests {
    use super::order;
    use crate::engine::detector::DetectorName;

    #[test]
    fn each_comes_behind_what_it_comes_after() {
        let names = DetectorName::ORDER.map(|number| DetectorName::ALL[number].name());
        assert_eq!(names, ["loop", "spread", "burst", "latency", "silence", "novelty", "input"]);
        assert_eq!(order([&[2], &[], &[3], &[]]), [3, 2, 0, 1]);
    }

    #[test]
    #[should_panic(expected = "in a circle")]
    fn a_circle_is_told() {
        order([&[1], &[0]]);
    }

    #[test]
    fn only_those_that_test_hypotheses_share_the_budget() {
        let tests = |name: DetectorName| usize::from(name.properties().tests);
        assert_eq!(DetectorName::ALL.map(tests).iter().sum::<usize>(), DetectorName::KINDS_OF_TESTS);
        // Novelty, input and rules do not test hypotheses with a chance of a false alarm.
        for name in [DetectorName::Novelty, DetectorName::Input, DetectorName::Rule] {
            assert_eq!(tests(name), 0, "{}", name.name());
        }
    }
}
