package stats

import "math"

// Trades are the statistics of closed trades. What is not defined is NaN.
type Trades struct {
	Count, Won, Lost int // a profit of exactly 0 is neither won nor lost

	WinRate      float64 // won / count
	AverageWin   float64
	AverageLoss  float64 // negative
	Payoff       float64 // average win / |average loss|
	ProfitFactor float64 // sum of wins / |sum of losses|
	Expectancy   float64 // mean profit
	Deviation    float64 // of profits
	SQN          float64 // Tharp's system quality number: √count · mean / sd, not capped
	Kelly        float64 // win rate - (1 - win rate) / payoff, the fraction of Kelly 1956
	Best, Worst  float64
	WinStreak    int // most wins in a row
	LossStreak   int // most losses in a row
}

// OfTrades describes profits, in the order in which the trades closed.
//
// Kelly counts trades that are not won as lost, and so is a little lower than
// quantstats has it when some trades end at exactly 0.
func OfTrades(profits []float64) Trades {
	t := Trades{Count: len(profits), Best: undefined(), Worst: undefined()}
	gain, loss := 0.0, 0.0
	wins, losses := 0, 0
	for i, p := range profits {
		switch {
		case p > 0:
			t.Won++
			gain += p
			wins, losses = wins+1, 0
		case p < 0:
			t.Lost++
			loss += p
			wins, losses = 0, losses+1
		default:
			wins, losses = 0, 0
		}
		t.WinStreak, t.LossStreak = max(t.WinStreak, wins), max(t.LossStreak, losses)
		if i == 0 {
			t.Best, t.Worst = p, p
		}
		t.Best, t.Worst = max(t.Best, p), min(t.Worst, p)
	}
	t.WinRate = ratio(float64(t.Won), float64(t.Count))
	t.AverageWin, t.AverageLoss = ratio(gain, float64(t.Won)), ratio(loss, float64(t.Lost))
	t.Payoff = ratio(t.AverageWin, -t.AverageLoss)
	t.ProfitFactor = ratio(gain, -loss)
	t.Expectancy, t.Deviation = Mean(profits), Deviation(profits)
	t.SQN = math.Sqrt(float64(t.Count)) * ratio(t.Expectancy, t.Deviation)
	t.Kelly = t.WinRate - ratio(1-t.WinRate, t.Payoff)
	return t
}
