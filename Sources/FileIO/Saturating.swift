/// Arithmetic on sizes and times from outside: a file system, a configuration or a client may claim any number, and a
/// trap would end the process with all other repositories.
extension FixedWidthInteger {
    /// The sum, or the nearest number that there is.
    public func addingSaturating(_ other: Self) -> Self {
        let (sum, isOverflow) = addingReportingOverflow(other)
        return isOverflow ? (other < 0 ? .min : .max) : sum
    }

    /// The difference, or the nearest number that there is.
    public func subtractingSaturating(_ other: Self) -> Self {
        let (difference, isOverflow) = subtractingReportingOverflow(other)
        return isOverflow ? (other < 0 ? .max : .min) : difference
    }
}
