import Synchronization

/// The metrics of the process and their page in the Prometheus text format.
///
/// Asking again for a name returns the same metric, so modules need not pass metrics around. A name that is not one, or
/// that is asked for with another kind or other labels, is a mistake in our code and stops the process.
public final class MetricsRegistry: Sendable {
    private enum Family: Sendable {
        case counter(Labeled<Counter>)
        case gauge(Labeled<Gauge>)
        case callback(@Sendable () -> Double)
        case histogram(Labeled<Histogram>, bounds: [Double])
    }

    private struct Entry: Sendable {
        var help: String
        var family: Family
    }

    private let entries = Mutex<[String: Entry]>([:])

    public init() {}

    // MARK: Counters

    /// A counter; its name ends in `_total`.
    public func counter(_ name: String, _ help: String) -> Counter { counters(name, help, labels: [])[] }

    public func counters(_ name: String, _ help: String, labels: [MetricLabel]) -> Labeled<Counter> {
        let family = register(name, help) { .counter(Labeled(labels: labels) { Counter() }) }
        guard case .counter(let counters) = family, counters.labels == labels else { mismatch(name) }
        return counters
    }

    // MARK: Gauges

    public func gauge(_ name: String, _ help: String) -> Gauge { gauges(name, help, labels: [])[] }

    public func gauges(_ name: String, _ help: String, labels: [MetricLabel]) -> Labeled<Gauge> {
        let family = register(name, help) { .gauge(Labeled(labels: labels) { Gauge() }) }
        guard case .gauge(let gauges) = family, gauges.labels == labels else { mismatch(name) }
        return gauges
    }

    /// A gauge that is read from its owner when the page is rendered. Registering it again replaces the reader.
    ///
    /// - Parameter read: Must not block and must not use the registry.
    public func gauge(_ name: String, _ help: String, read: @escaping @Sendable () -> Double) {
        precondition(Self.isName(name), "invalid metric name \(name)")
        entries.withLock { entries in
            if let entry = entries[name], case .callback = entry.family {
            } else if entries[name] != nil {
                mismatch(name)
            }
            entries[name] = Entry(help: help, family: .callback(read))
        }
    }

    // MARK: Histograms

    public func histogram(_ name: String, _ help: String, bounds: [Double]) -> Histogram {
        histograms(name, help, bounds: bounds, labels: [])[]
    }

    public func histograms(
        _ name: String, _ help: String, bounds: [Double], labels: [MetricLabel]
    ) -> Labeled<Histogram> {
        let family = register(name, help) {
            .histogram(Labeled(labels: labels) { Histogram(bounds: bounds) }, bounds: bounds)
        }
        guard case .histogram(let histograms, bounds) = family, histograms.labels == labels else { mismatch(name) }
        return histograms
    }

    // MARK: The page

    /// The `Content-Type` of `text()`.
    public static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    /// All metrics by name, in the Prometheus text format 0.0.4. Labelled counters and histograms that counted nothing
    /// yet are left out: most combinations of labels never occur.
    public func text() -> String {
        // Callbacks run outside the lock, so that a slow one holds up nobody.
        let entries = entries.withLock { $0 }
        var page = PrometheusText()
        for (name, entry) in entries.sorted(by: { $0.key < $1.key }) {
            switch entry.family {
            case .counter(let counters):
                page.header(name, "counter", entry.help)
                for (pairs, counter) in counters.all where pairs.isEmpty || counter.value > 0 {
                    page.sample(name, pairs, Double(counter.value))
                }
            case .gauge(let gauges):
                page.header(name, "gauge", entry.help)
                for (pairs, gauge) in gauges.all {
                    page.sample(name, pairs, Double(gauge.value))
                }
            case .callback(let read):
                page.header(name, "gauge", entry.help)
                page.sample(name, [], read())
            case .histogram(let histograms, _):
                page.header(name, "histogram", entry.help)
                for (pairs, histogram) in histograms.all {
                    let snapshot = histogram.snapshot
                    guard pairs.isEmpty || snapshot.count > 0 else { continue }
                    page.histogram(name, pairs, bounds: histogram.bounds, snapshot)
                }
            }
        }
        return page.text
    }

    // MARK: Registration

    private func register(_ name: String, _ help: String, make: () -> Family) -> Family {
        precondition(Self.isName(name), "invalid metric name \(name)")
        return entries.withLock { entries in
            if let entry = entries[name] { return entry.family }
            let family = make()
            entries[name] = Entry(help: help, family: family)
            return family
        }
    }

    private static func isName(_ name: String) -> Bool {
        !name.isEmpty
            && name.utf8.enumerated().allSatisfy { index, byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "_"): true
                case UInt8(ascii: "0")...UInt8(ascii: "9"): index > 0
                default: false
                }
            }
    }
}

private func mismatch(_ name: String) -> Never {
    preconditionFailure("metric \(name) is already registered with another kind or other labels")
}
