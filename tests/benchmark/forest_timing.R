# Time of metafor's forest() for a table of effects: Rscript forest_timing.R effects.csv
#
# Reads columns label, yi, vi; prints "<format> <seconds of processor>", the median of five, for
# devices that this R has. The page is as wide as a forest plot of metamill, and as high per study.
suppressPackageStartupMessages(library(metafor))

data <- read.csv(commandArgs(trailingOnly = TRUE)[1])
fit <- rma(yi, vi, data = data, slab = label)
wide <- 174 / 25.4
high <- (4.4 * nrow(data) + 40) / 25.4

devices <- list(
  pdf = function(file) pdf(file, width = wide, height = high),
  png = function(file) png(file, width = wide, height = high, units = "in", res = 300),
  svg = function(file) svg(file, width = wide, height = high)
)
drawn <- function(name) {
  file <- tempfile(fileext = paste0(".", name))
  on.exit(unlink(file))
  spent <- system.time({
    devices[[name]](file)
    forest(fit, atransf = exp, header = TRUE, cex = 0.6)
    dev.off()
  })
  spent[["user.self"]] + spent[["sys.self"]]
}
for (name in names(devices)) {
  if (name != "pdf" && !capabilities(c(png = "png", svg = "cairo")[[name]])) next
  invisible(drawn(name))
  cat(name, median(replicate(5, drawn(name))), "\n")
}
