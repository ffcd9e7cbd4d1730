import Glibc

/// The time of day.
enum WallClock {
    /// Whole seconds since 1970, as location logs and retention files use it.
    static var seconds: Int64 { Int64(Glibc.time(nil)) }
}
