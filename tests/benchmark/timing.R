# How many fits a second of processor metafor does: Rscript timing.R DATA ROW...
#
# DATA is a folder of tables yi, vi, x. Prints "<row> <fits> <seconds>", the median of five; a row
# that takes R minutes is timed on a part of its fits, the single fits of k = 1000 once.
suppressPackageStartupMessages(library(metafor))

arguments <- commandArgs(trailingOnly = TRUE)
folder <- arguments[1]
read <- function(k) read.csv(file.path(folder, paste0(k, ".csv")))
spent <- function(work) {
  time <- system.time(work())
  time[["user.self"]] + time[["sys.self"]]
}
row <- function(name, fits, work, repeats = 5) {
  if (name %in% arguments[-1]) cat(name, fits, median(replicate(repeats, spent(work))), "\n")
}
set.seed(1)

fifteen <- read(15)
reml <- rma(yi, vi, data = fifteen)
dl <- rma(yi, vi, data = fifteen, method = "DL")
row("gosh_reml", 300, function() gosh(reml, subsets = 300, progbar = FALSE))
row("gosh_dl", 5000, function() gosh(dl, subsets = 5000, progbar = FALSE))

hundred <- rma(yi, vi, data = read(100))
row("without_each_100", 100, function() leave1out(hundred))
row("refits_100", 100, function() influence(hundred), 1)
thousand <- read(1000)
row("without_each_1000", 2, function() {
  for (i in 1:2) rma(yi, vi, data = thousand[-i, ])
}, 1)

row("bootstrap", 200, function() {
  for (i in 1:200) try(rma(rnorm(15, 0.2, sqrt(0.15 + fifteen$vi)), fifteen$vi), silent = TRUE)
})
line <- rma(yi, vi, mods = ~x, data = read(50))
row("permutations", 100, function() permutest(line, iter = 100, progbar = FALSE))
