public import Telemetry

/// What the web layer counts, by operation and status class.
public struct ServiceMetrics: Sendable {
    public let registry: MetricsRegistry
    private let requests: Labeled<Counter>
    private let seconds: Labeled<Histogram>
    private let sent: Counter

    public init(registry: MetricsRegistry) {
        self.registry = registry
        let operation = MetricLabel("operation", values: Self.operations)
        requests = registry.counters(
            "annexd_requests_total", "Requests that were answered.",
            labels: [operation, MetricLabel("status", values: ["1xx", "2xx", "3xx", "4xx", "5xx"])])
        seconds = registry.histograms(
            "annexd_request_seconds", "Time from the request's head to the end of its answer.",
            bounds: Histogram.requestSeconds, labels: [operation])
        sent = registry.counter(
            "annexd_object_bytes_sent_total", "Bytes of annexed content that were asked for and sent.")
    }

    func record(operation: String, status: Int, duration: Duration, bytesSent: UInt64) {
        let name = Self.operations.contains(operation) ? operation : "other"
        requests[name, "\(max(1, min(5, status / 100)))xx"].increment()
        seconds[name].observe(duration)
        sent.increment(by: Int(clamping: bytesSent))
    }

    /// Every value that the label `operation` can have; anything else counts as `other`.
    private static let operations = [
        "checkpresent", "config", "get", "gettimestamp", "git-object", "info/refs", "keeplocked", "lockcontent",
        "operations", "other", "put", "putoffset", "receive-pack", "remove", "remove-before", "upload-pack",
    ]
}
