import Telemetry
import Testing

@Suite struct MetricsTests {
    @Test func rendersEveryKindInTheTextFormat() {
        let registry = MetricsRegistry()
        registry.counter("annexd_b_total", "Counts\nthings \\ here.").increment(by: 3)
        registry.gauge("annexd_a", "Now.").set(-2)
        registry.gauge("annexd_c", "Read.") { 0.5 }
        let histogram = registry.histogram("annexd_d_seconds", "Times.", bounds: [1, 0.1])
        for value in [0.1, 0.5, 7, .nan] { histogram.observe(value) }
        #expect(
            registry.text() == #"""
                # HELP annexd_a Now.
                # TYPE annexd_a gauge
                annexd_a -2
                # HELP annexd_b_total Counts\nthings \\ here.
                # TYPE annexd_b_total counter
                annexd_b_total 3
                # HELP annexd_c Read.
                # TYPE annexd_c gauge
                annexd_c 0.5
                # HELP annexd_d_seconds Times.
                # TYPE annexd_d_seconds histogram
                annexd_d_seconds_bucket{le="0.1"} 1
                annexd_d_seconds_bucket{le="1"} 2
                annexd_d_seconds_bucket{le="+Inf"} 3
                annexd_d_seconds_sum 7.6
                annexd_d_seconds_count 3

                """#)
    }

    @Test func labelsAreAFixedSetAndTheRestIsOther() {
        let registry = MetricsRegistry()
        let requests = registry.counters(
            "annexd_requests_total", "Requests.",
            labels: [
                MetricLabel("route", values: ["git", "p\"2\\p\n"]), MetricLabel("status", values: ["2xx", "4xx"]),
            ])
        requests["git", "2xx"].increment()
        requests["p\"2\\p\n", "4xx"].increment(by: 2)
        for invented in 0..<1000 { requests["/\(invented)", "2xx"].increment() }
        requests["git"].increment(by: 5)
        let samples = registry.text().split(separator: "\n").filter { !$0.hasPrefix("#") }
        #expect(
            samples == [
                #"annexd_requests_total{route="git",status="2xx"} 1"#,
                #"annexd_requests_total{route="git",status="other"} 5"#,
                #"annexd_requests_total{route="p\"2\\p\n",status="4xx"} 2"#,
                #"annexd_requests_total{route="other",status="2xx"} 1000"#,
            ])
    }

    @Test func labelledHistogramsCarryTheirLabels() {
        let registry = MetricsRegistry()
        let times = registry.histograms(
            "annexd_seconds", "Times.", bounds: [1], labels: [MetricLabel("route", values: ["git"])])
        times["git"].observe(.milliseconds(250))
        let samples = registry.text().split(separator: "\n").filter { !$0.hasPrefix("#") }
        #expect(
            samples == [
                #"annexd_seconds_bucket{route="git",le="1"} 1"#, #"annexd_seconds_bucket{route="git",le="+Inf"} 1"#,
                #"annexd_seconds_sum{route="git"} 0.25"#, #"annexd_seconds_count{route="git"} 1"#,
            ])
    }

    @Test func aNameIsOneMetric() {
        let registry = MetricsRegistry()
        registry.counter("annexd_x_total", "X.").increment()
        registry.counter("annexd_x_total", "X.").increment()
        #expect(registry.counter("annexd_x_total", "X.").value == 2)
        registry.gauge("annexd_y", "Y.") { 1 }
        registry.gauge("annexd_y", "Y.") { 2 }
        #expect(registry.text().contains("annexd_y 2\n"))
    }

    @Test func anotherKindUnderTheSameNameStopsTheProcess() async {
        await #expect(processExitsWith: .failure) {
            let registry = MetricsRegistry()
            _ = registry.counter("annexd_x", "X.")
            _ = registry.gauge("annexd_x", "X.")
        }
    }

    @Test func countersNeverFallAndGaugesDo() {
        let registry = MetricsRegistry()
        let counter = registry.counter("annexd_x_total", "X.")
        counter.increment(by: 5)
        counter.increment(by: -3)
        #expect(counter.value == 5)
        let gauge = registry.gauge("annexd_y", "Y.")
        gauge.add(3)
        gauge.subtract()
        #expect(gauge.value == 2)
    }

    @Test func loseNothingUnderContention() async {
        let registry = MetricsRegistry()
        let counter = registry.counter("annexd_x_total", "X.")
        let histogram = registry.histogram("annexd_y", "Y.", bounds: [0.5])
        await withTaskGroup { group in
            for _ in 0..<8 {
                group.addTask {
                    for _ in 0..<5000 {
                        counter.increment()
                        histogram.observe(1)
                    }
                }
            }
        }
        #expect(counter.value == 40_000)
        #expect(histogram.snapshot == Histogram.Snapshot(counts: [0, 40_000], sum: 40_000))
    }

    @Test func processMetricsSeeThisProcess() throws {
        let registry = MetricsRegistry()
        registry.addProcessMetrics()
        let samples = registry.text().split(separator: "\n").filter { !$0.hasPrefix("#") }
        #expect(samples.count == 4)
        for sample in samples {
            let value = try #require(Double(sample.split(separator: " ")[1]))
            #expect(value > 0, "\(sample)")
        }
    }
}
