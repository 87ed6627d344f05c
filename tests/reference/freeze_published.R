# Freezes the data of published examples that no other file holds.
# Usage, from any folder:  Rscript tests/reference/freeze_published.R
# Needs metafor and metadat.

script <- sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE))
source(file.path(dirname(normalizePath(script)), "common.R"))

bleeding <- subset(dat.collins1985a, !is.na(b.xti) & !is.na(b.xci))
linde <- dat.linde2005[c(7:10, 13:25), ]
two_rates <- function(x1, t1, x2, t2) {
  list(events_treatment = I(x1), time_treatment = I(t1), events_control = I(x2),
    time_control = I(t2))
}

sets <- list(
  viechtbauer2005_example_1 = list(source = "Viechtbauer 2005, p. 271", columns = list(
    yi = I(c(-0.581, 0.530, 0.771, 1.031, 0.553, 0.295, 0.078, 0.573, -0.176, -0.232)),
    vi = I(c(0.023, 0.052, 0.060, 0.115, 0.095, 0.203, 0.200, 0.211, 0.051, 0.040)))),
  viechtbauer2005_example_2 = list(source = "Viechtbauer 2005, p. 272", columns = list(
    yi = I(c(0.100, -0.162, -0.090, -0.049, -0.046, -0.010, -0.431, -0.261, 0.134, 0.019, 0.175,
             0.056, 0.045, 0.103, 0.121, -0.482, 0.290, 0.342)),
    vi = I(c(0.016, 0.015, 0.050, 0.050, 0.032, 0.052, 0.036, 0.024, 0.034, 0.033, 0.031, 0.034,
             0.039, 0.167, 0.134, 0.096, 0.016, 0.035)))),
  clasp1994 = list(source = "CLASP 1994, in DerSimonian and Kacker 2007, p. 111",
    columns = two_counts(c(5, 5, 12, 69, 9, 313), c(156, 303, 565, 1570, 103, 4659),
                         c(8, 17, 9, 94, 11, 352), c(74, 303, 477, 1565, 105, 4650))),
  collins1985a = list(
    source = "metadat dat.collins1985a, bleeding, known counts, control in place of treatment",
    columns = with(bleeding, two_counts(b.xci, nci, b.xti, nti))),
  collins1985b = list(source = "metadat dat.collins1985b, pre-eclampsia",
    columns = with(dat.collins1985b, two_counts(pre.xti, pre.nti, pre.xci, pre.nci))),
  linde2005 = list(source = "metadat dat.linde2005, rows 7-10 and 13-25",
    columns = with(linde, two_counts(ai, n1i, ci, n2i))),
  lee2004 = list(source = "metadat dat.lee2004",
    columns = with(dat.lee2004, two_counts(ai, n1i, ci, n2i))),
  yusuf1985_table_6 = list(source = "metadat dat.yusuf1985, table 6, known counts",
    columns = with(yusuf_6, two_counts(ai, n1i, ci, n2i))),
  konstantopoulos2011 = list(source = "metadat dat.konstantopoulos2011",
    columns = with(dat.konstantopoulos2011, list(yi = I(yi), vi = I(vi), district = I(district)))),
  raudenbush1985 = list(source = "metadat dat.raudenbush1985",
    columns = with(dat.raudenbush1985, list(yi = I(as.numeric(yi)), vi = I(vi)))),
  rothman2008_table_15_1 = list(source = "Rothman, Greenland and Lash 2008, table 15-1",
    columns = two_counts(c(8, 22), c(106, 98), c(5, 16), c(120, 85))),
  rothman2008_table_15_2 = list(source = "Rothman, Greenland and Lash 2008, table 15-2",
    columns = two_rates(c(32, 104, 206, 186, 102), c(52407, 43248, 28612, 12663, 5317),
                        c(2, 12, 28, 28, 31), c(18790, 10673, 5710, 2585, 1462))),
  rothman2008_table_15_5 = list(source = "Rothman, Greenland and Lash 2008, table 15-5",
    columns = two_counts(c(3, 1), c(12, 4), c(104, 5), c(1163, 91)))
)

freeze("published.json", list(sets = sets))
