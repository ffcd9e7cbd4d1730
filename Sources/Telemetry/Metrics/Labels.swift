/// A label of a metric, with every value it can take.
///
/// The set is fixed and small, so that no client can grow the metrics by inventing names: a value that is not in the
/// list counts as `other`. Routes, methods and status classes are labels; paths, keys and users never are.
public struct MetricLabel: Sendable, Equatable {
    public let name: String
    /// The declared values, and `other` last.
    public let values: [String]

    public init(_ name: String, values: [String]) {
        self.name = name
        self.values = values.filter { $0 != Self.other } + [Self.other]
    }

    static let other = "other"
}

/// One metric for every combination of its labels' values.
public final class Labeled<Metric: Sendable>: Sendable {
    let labels: [MetricLabel]
    private let positions: [[String: Int]]
    private let metrics: [Metric]

    init(labels: [MetricLabel], make: () -> Metric) {
        self.labels = labels
        positions = labels.map { label in
            Dictionary(label.values.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
        }
        metrics = (0..<labels.reduce(1) { $0 * $1.values.count }).map { _ in make() }
    }

    /// The metric of one value per label, in the order of declaration; a missing value counts as `other`.
    public subscript(_ values: String...) -> Metric {
        var index = 0
        for (place, label) in labels.enumerated() {
            let last = label.values.count - 1
            let position = place < values.count ? positions[place][values[place]] ?? last : last
            index = index * label.values.count + position
        }
        return metrics[index]
    }

    /// Each metric with its label pairs.
    var all: [(pairs: [(name: String, value: String)], metric: Metric)] {
        metrics.enumerated().map { index, metric in
            var rest = index
            var pairs: [(name: String, value: String)] = []
            for label in labels.reversed() {
                pairs.append((label.name, label.values[rest % label.values.count]))
                rest /= label.values.count
            }
            return (pairs.reversed(), metric)
        }
    }
}
